"""Kept labels as they are now: of a video, and summed up to speaking time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Label:
    """The label of a segment that counts now."""

    #: Seconds, on the store's grid.
    start: float
    end: float
    #: None where nobody is known.
    speaker: str | None
    #: Cosine similarity to the closest person when the label was kept; None for a pin.
    similarity: float | None
    runner_up: str | None
    margin: float | None
    #: As `Identification.reason`; ``pinned`` or ``nobody`` for a pin, ``removed`` for a label
    #: whose speaker was removed.
    reason: str
    pinned: bool
    encoder: str
    run: int
    labelled_at: datetime


@dataclass(frozen=True, slots=True)
class SpeakerTime:
    """How long somebody speaks in a video."""

    #: None for nobody known.
    speaker: str | None
    video: str
    segments: int
    seconds: float


def labels(connection: Connection, video: str, encoder_id: int | None) -> list[Label]:
    """The labels of a video, in time order; of one encoder, or of all."""
    rows = connection.execute(
        text(
            "SELECT start_s, end_s, speaker, similarity, runner_up, margin, reason, pinned,"
            " encoder, run, labelled_at FROM pgvoice.label WHERE video = :video AND"
            " (CAST(:encoder AS integer) IS NULL OR encoder_id = :encoder)"
            " ORDER BY start_s, end_s, encoder_id"
        ),
        {"video": video, "encoder": encoder_id},
    )
    return [Label(*row) for row in rows]


def speaker_time(connection: Connection, video: str | None, encoder_id: int) -> list[SpeakerTime]:
    """Seconds per speaker and video, of one video or of all."""
    rows = connection.execute(
        text(
            "SELECT speaker, video, segments, seconds FROM pgvoice.speaker_time(:video, :encoder)"
        ),
        {"video": video, "encoder": encoder_id},
    )
    return [SpeakerTime(*row) for row in rows]
