"""Calibrations in the store: make, list, activate and reset them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from itertools import pairwise
from typing import Any

from sqlalchemy import Connection, Row, text

from pgvoice.store.errors import CalibrationUnsupported, UnknownCalibration
from pgvoice.store.people import speakers
from pgvoice.store.recordings.encoders import StoredEncoder
from pgvoice.store.thresholds import judging, trials
from pgvoice.store.thresholds.fitting import CONFIDENCE, Rule
from pgvoice.store.thresholds.judging import Band, Figures
from pgvoice.store.thresholds.measures import Interval
from pgvoice.store.thresholds.trials import Place

#: Where the labels of a calibration come from, besides those that were given.
PINNED, EXEMPLARS = "pinned labels", "exemplars left out one at a time"


@dataclass(frozen=True, slots=True)
class Calibration:
    """Thresholds measured on this library."""

    #: None if it was not stored.
    id: int | None
    encoder: str
    target_far: float
    #: With `confidence`, FAR is at most this; None if it was not bounded when it was made.
    far_bound: float | None
    confidence: float | None
    #: Whether `identify` uses it.
    active: bool
    labels_from: str
    created_at: datetime | None
    bands: tuple[Band, ...]
    figures: Figures
    #: Remarks on the bands.
    notes: tuple[str, ...]

    @property
    def uses_exemplars(self) -> bool:
        return self.labels_from.endswith(EXEMPLARS)

    @property
    def uses_pins(self) -> bool:
        return self.labels_from.removesuffix(f", {EXEMPLARS}").endswith(PINNED)

    @property
    def uses_given(self) -> bool:
        """Whether labels were given, which the store does not have."""
        return not self.labels_from.startswith((PINNED, EXEMPLARS))

    @property
    def edges(self) -> tuple[float, ...]:
        """Seconds that separate the bands."""
        return tuple(band.min_s for band in self.bands[1:])

    @property
    def is_met(self) -> bool:
        """Whether the bound of FAR meets the target."""
        return self.far_bound is not None and self.far_bound <= self.target_far


def calibrate(
    connection: Connection,
    encoder: StoredEncoder,
    target_far: float,
    spoken: dict[Place, str],
    *,
    exemplars: bool,
    labels_from: str,
    edges: Sequence[float],
    dry_run: bool,
) -> Calibration:
    """Find thresholds from segments whose speakers are known, and store them.

    They become active if the bound of their FAR meets the target. Raises `CalibrationUnsupported`.
    """
    if not any(each.exemplars for each in speakers.summaries(connection, encoder.id)):
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
    judged = judging.calibrated(found, band_ms(edges), target_far)
    result = Calibration(
        None,
        str(encoder.identity),
        target_far,
        judged.far_bound,
        CONFIDENCE,
        False,
        labels_from,
        None,
        judged.bands,
        judged.figures,
        judged.notes,
    )
    if dry_run:
        return result
    made = _insert(connection, encoder.id, result, judged.rule)
    if result.is_met:
        activate(connection, made)
    return next(one for one in stored(connection, encoder) if one.id == made)


def _insert(connection: Connection, encoder_id: int, found: Calibration, rule: Rule) -> int:
    measured = {"bands": found.bands, "figures": asdict(found.figures), "notes": found.notes}
    made: int = connection.scalar(
        text(
            "INSERT INTO pgvoice.calibration (encoder_id, target_far, band_ms, thresholds, margins,"
            " gallery, far_bound, confidence, labels_from, measured) VALUES (:encoder, :target,"
            " :band_ms, :thresholds, :margins, :gallery, :far_bound, :confidence, :labels_from,"
            " CAST(:measured AS jsonb)) RETURNING id"
        ),
        {
            "encoder": encoder_id,
            "target": found.target_far,
            "band_ms": list(rule.band_ms),
            "thresholds": list(rule.thresholds),
            "margins": [0.0] * len(rule.band_ms),
            "gallery": found.figures.profiles,
            "far_bound": found.far_bound,
            "confidence": found.confidence,
            "labels_from": found.labels_from,
            "measured": json.dumps(measured, default=asdict),
        },
    )
    return made


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
            "SELECT id, target_far, far_bound, confidence, active, labels_from, created_at,"
            " measured FROM pgvoice.calibration WHERE encoder_id = :encoder ORDER BY id DESC"
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
    return Calibration(
        row.id,
        encoder,
        row.target_far,
        row.far_bound,
        row.confidence,
        row.active,
        row.labels_from,
        row.created_at,
        tuple(Band(**_known(Band, band)) for band in measured["bands"]),
        _figures(measured["figures"]),
        tuple(measured["notes"]),
    )


def _figures(measured: Mapping[str, Any]) -> Figures:
    figures: dict[str, Any] = {
        name: Interval(*value) if name.endswith("interval") else value
        for name, value in _known(Figures, measured).items()
    }
    return Figures(**figures)


def _known(kind: type, measured: Mapping[str, Any]) -> dict[str, Any]:
    """What a class has a field for; an older pgvoice measured other things too."""
    return {each.name: measured[each.name] for each in fields(kind) if each.name in measured}
