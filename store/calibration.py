"""Calibrations as they are kept: made, listed, activated, reset."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, text

from pgvoice.store import judging, speakers, trials
from pgvoice.store.encoders import StoredEncoder
from pgvoice.store.errors import CalibrationUnsupported, UnknownCalibration
from pgvoice.store.judging import Band, Figures
from pgvoice.store.measures import Interval
from pgvoice.store.trials import Place

#: Where bands of durations end, in seconds: the own profile comes nearer up to there.
DEFAULT_EDGES = (2.0, 4.0)
#: Of the draws of people; the same labels give the same thresholds.
SEED = 20_160_601


@dataclass(frozen=True, slots=True)
class Calibration:
    """Thresholds measured on this library, and how."""

    #: None when it was not kept.
    id: int | None
    encoder: str
    target_far: float
    #: Whether it is what `identify` goes by.
    active: bool
    labels_from: str
    created_at: datetime | None
    bands: tuple[Band, ...]
    figures: Figures
    #: What there is to be said of the bands.
    notes: tuple[str, ...]


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
    """Thresholds from stored segments whose speakers are known, kept and made active.

    Raises `CalibrationUnsupported`.
    """
    if not any(
        profile.encoder == str(encoder.identity) for profile in speakers.summaries(connection)
    ):
        raise CalibrationUnsupported(
            f"nobody is enrolled with {encoder.identity}: `pgvoice enroll add` does that"
        )
    found = trials.gather(connection, encoder.id, spoken, exemplars=exemplars)
    if not len(found):
        raise CalibrationUnsupported(
            f"no vector of {encoder.identity} in the store whose speaker is known from"
            f" {labels_from}: fill the labelled recordings first, and let the labels cover the"
            " segments that are stored"
        )
    generator = np.random.default_rng(SEED)
    rule, bands, figures, notes = judging.calibrated(found, band_ms(edges), target_far, generator)
    measured = {"bands": bands, "figures": asdict(figures), "notes": notes}
    if dry_run:
        return Calibration(
            None, str(encoder.identity), target_far, False, labels_from, None, bands, figures, notes
        )
    made: int = connection.scalar(
        text(
            "INSERT INTO pgvoice.calibration (encoder_id, target_far, band_ms, thresholds, margins,"
            " labels_from, measured) VALUES (:encoder, :target, :band_ms, :thresholds, :margins,"
            " :labels_from, CAST(:measured AS jsonb)) RETURNING id"
        ),
        {
            "encoder": encoder.id,
            "target": target_far,
            "band_ms": list(rule.band_ms),
            "thresholds": list(rule.thresholds),
            "margins": [rule.margin] * len(rule.band_ms),
            "labels_from": labels_from,
            "measured": json.dumps(measured, default=asdict),
        },
    )
    activate(connection, made)
    return next(one for one in stored(connection, encoder) if one.id == made)


def band_ms(edges: Sequence[float]) -> tuple[int, ...]:
    """Where bands begin. Raises `ValueError` for edges that do not rise from above 0."""
    starts = (0, *(round(edge * 1000) for edge in edges))
    if any(after <= before for before, after in pairwise(starts)):
        raise ValueError(f"bands that end at {', '.join(f'{e:g}' for e in edges)} s do not rise")
    return starts


def stored(connection: Connection, encoder: StoredEncoder) -> list[Calibration]:
    """Every calibration of an encoder, the newest first."""
    rows = connection.execute(
        text(
            "SELECT id, target_far, active, labels_from, created_at, measured"
            " FROM pgvoice.calibration WHERE encoder_id = :encoder ORDER BY id DESC"
        ),
        {"encoder": encoder.id},
    )
    return [_calibration(row, str(encoder.identity)) for row in rows]


def active(connection: Connection, encoder: StoredEncoder) -> Calibration | None:
    """What `identify` goes by; None while that is the encoder's own threshold."""
    return next((one for one in stored(connection, encoder) if one.active), None)


def activate(connection: Connection, calibration: int) -> None:
    """Make a calibration what `identify` goes by. Raises `UnknownCalibration`."""
    known = connection.scalar(
        text("SELECT id FROM pgvoice.calibration WHERE id = :id"), {"id": calibration}
    )
    if known is None:
        raise UnknownCalibration(calibration)
    connection.execute(text("SELECT pgvoice.activate_calibration(:id)"), {"id": calibration})


def reset(connection: Connection, encoder: StoredEncoder) -> int | None:
    """Go back to the encoder's own threshold; returns what was active."""
    was: int | None = connection.scalar(
        text("SELECT pgvoice.reset_calibration(:encoder)"), {"encoder": encoder.id}
    )
    return was


def _calibration(row: Row[Any], encoder: str) -> Calibration:
    measured = row.measured
    figures: dict[str, Any] = {
        name: Interval(*value) if name.endswith("interval") else value
        for name, value in measured["figures"].items()
    }
    return Calibration(
        row.id,
        encoder,
        row.target_far,
        row.active,
        row.labels_from,
        row.created_at,
        tuple(Band(**band) for band in measured["bands"]),
        Figures(**figures),
        tuple(measured["notes"]),
    )
