"""Calibrations in the store: make, list, activate and reset them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from itertools import pairwise
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, text

from pgvoice.store.errors import CalibrationUnsupported, UnknownCalibration
from pgvoice.store.people import speakers
from pgvoice.store.recordings.encoders import StoredEncoder
from pgvoice.store.thresholds import cohorts, judging, trials
from pgvoice.store.thresholds.cohorts import Cohort, Normalisation
from pgvoice.store.thresholds.judging import Band, Figures, Judged
from pgvoice.store.thresholds.measures import Interval
from pgvoice.store.thresholds.trials import Place

#: Seed for the draws of people, so that the same labels give the same thresholds.
SEED = 20_160_601


@dataclass(frozen=True, slots=True)
class Calibration:
    """Thresholds measured on this library."""

    #: None if it was not stored.
    id: int | None
    encoder: str
    target_far: float
    #: Whether `identify` uses it.
    active: bool
    labels_from: str
    created_at: datetime | None
    bands: tuple[Band, ...]
    figures: Figures
    #: Remarks on the bands.
    notes: tuple[str, ...]
    #: None if no cohort was given.
    normalisation: Normalisation | None = None


def calibrate(
    connection: Connection,
    encoder: StoredEncoder,
    target_far: float,
    spoken: dict[Place, str],
    *,
    exemplars: bool,
    labels_from: str,
    edges: Sequence[float],
    cohort: Mapping[Place, str] | None = None,
    dry_run: bool,
) -> Calibration:
    """Find thresholds from segments whose speakers are known, store them and make them active.

    With a `cohort` of other people's speech, similarities are normalised if that raises DIR at
    the same FAR. Raises `CalibrationUnsupported`.
    """
    if not any(
        profile.encoder == str(encoder.identity) for profile in speakers.summaries(connection)
    ):
        raise CalibrationUnsupported(
            f"nobody is enrolled with {encoder.identity}: enroll people with `pgvoice enroll add`"
        )
    found = trials.gather(connection, encoder.id, spoken, exemplars=exemplars)
    if not len(found):
        raise CalibrationUnsupported(
            f"the store has no vector of {encoder.identity} whose speaker is known from"
            f" {labels_from}: fill the labelled recordings first, with segments that the labels"
            " cover"
        )
    generator = np.random.default_rng(SEED)
    judged = judging.calibrated(found, band_ms(edges), target_far, generator)
    with connection.begin_nested() as savepoint:
        made = _insert(connection, encoder, target_far, judged, labels_from)
        normalisation = None
        if cohort is not None:
            names = {*found.names, *(each.speaker for each in speakers.summaries(connection))}
            kept = cohorts.keep(connection, made, encoder.id, cohort, names)
            scores = cohorts.normalised(
                connection, made, encoder.id, found, spoken, exemplars=exemplars
            )
            normalisation = cohorts.judge(judged, found, scores, kept, target_far, generator)
        _settle(connection, made, judged, normalisation)
        result = next(one for one in stored(connection, encoder) if one.id == made)
        if dry_run:
            savepoint.rollback()
            return replace(result, id=None, created_at=None)
    activate(connection, made)
    return replace(result, active=True)


def _insert(
    connection: Connection,
    encoder: StoredEncoder,
    target_far: float,
    judged: Judged,
    labels_from: str,
) -> int:
    rule = judged.rule
    made: int = connection.scalar(
        text(
            "INSERT INTO pgvoice.calibration (encoder_id, target_far, band_ms, thresholds, margins,"
            " labels_from, measured) VALUES (:encoder, :target, :band_ms, :thresholds, :margins,"
            " :labels_from, '{}') RETURNING id"
        ),
        {
            "encoder": encoder.id,
            "target": target_far,
            "band_ms": list(rule.band_ms),
            "thresholds": list(rule.thresholds),
            "margins": [rule.margin] * len(rule.band_ms),
            "labels_from": labels_from,
        },
    )
    return made


def _settle(
    connection: Connection, made: int, judged: Judged, normalisation: Normalisation | None
) -> None:
    """Store the figures and, if they are used, the levels; delete a cohort that is not used."""
    bands = normalisation.bands if normalisation and normalisation.used else ()
    measured = {
        "bands": judged.bands,
        "figures": asdict(judged.figures),
        "notes": judged.notes,
        "normalisation": normalisation and asdict(normalisation),
    }
    connection.execute(
        text(
            "UPDATE pgvoice.calibration SET measured = CAST(:measured AS jsonb),"
            " levels = :levels, level_margins = :margins WHERE id = :id"
        ),
        {
            "id": made,
            "measured": json.dumps(measured, default=asdict),
            "levels": [band.level for band in bands] or None,
            "margins": [band.margin for band in bands] or None,
        },
    )
    if not bands:
        connection.execute(
            text("DELETE FROM pgvoice.cohort_voice WHERE calibration_id = :id"), {"id": made}
        )


def band_ms(edges: Sequence[float]) -> tuple[int, ...]:
    """The starts of the bands. Raises `ValueError` unless the edges rise from above 0."""
    starts = (0, *(round(edge * 1000) for edge in edges))
    if any(after <= before for before, after in pairwise(starts)):
        raise ValueError(
            f"the ends of bands must rise: {', '.join(f'{e:g}' for e in edges)} s do not"
        )
    return starts


def stored(connection: Connection, encoder: StoredEncoder) -> list[Calibration]:
    """Every calibration of an encoder, the newest first."""
    rows = connection.execute(
        text(
            "SELECT id, target_far, active, labels_from, created_at, measured, levels"
            " FROM pgvoice.calibration WHERE encoder_id = :encoder ORDER BY id DESC"
        ),
        {"encoder": encoder.id},
    )
    return [_calibration(row, str(encoder.identity)) for row in rows]


def activate(connection: Connection, calibration: int) -> None:
    """Make a calibration the active one. Raises `UnknownCalibration`."""
    known = connection.scalar(
        text("SELECT id FROM pgvoice.calibration WHERE id = :id"), {"id": calibration}
    )
    if known is None:
        raise UnknownCalibration(calibration)
    connection.execute(text("SELECT pgvoice.activate_calibration(:id)"), {"id": calibration})


def _calibration(row: Row[Any], encoder: str) -> Calibration:
    measured = row.measured
    normalisation = _normalisation(measured.get("normalisation"), used=row.levels is not None)
    by_level = normalisation if normalisation and normalisation.used else None
    return Calibration(
        row.id,
        encoder,
        row.target_far,
        row.active,
        row.labels_from,
        row.created_at,
        by_level.bands if by_level else tuple(Band(**band) for band in measured["bands"]),
        (by_level and by_level.normalised) or _figures(measured["figures"]),
        tuple(measured["notes"]),
        normalisation,
    )


def _figures(measured: Mapping[str, Any]) -> Figures:
    figures: dict[str, Any] = {
        name: Interval(*value) if name.endswith("interval") else value
        for name, value in measured.items()
    }
    return Figures(**figures)


def _normalisation(measured: Mapping[str, Any] | None, *, used: bool) -> Normalisation | None:
    """A normalisation as it was measured; it is used as long as its cohort exists."""
    if measured is None:
        return None
    return Normalisation(
        Cohort(**measured["cohort"]),
        used,
        measured["gain"],
        Interval(*measured["gain_interval"]),
        _figures(measured["normalised"]) if measured["normalised"] else None,
        tuple(Band(**band) for band in measured["bands"]),
        _figures(measured["plain"]),
    )
