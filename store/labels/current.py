"""The current labels of a video, and speaking time from them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from pgvoice.store.keys import OnGrid


@dataclass(frozen=True, slots=True)
class Label(OnGrid):
    """The current label of a segment."""

    start_ms: int
    end_ms: int
    #: None for nobody known.
    speaker: str | None
    #: Cosine similarity to the nearest person when the label was kept; None for a pin.
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
    """The current labels of a video, in time order; for one encoder or all."""
    rows = connection.execute(
        text(
            "SELECT start_ms, end_ms, speaker, similarity, runner_up, margin, reason, pinned,"
            " encoder, run, labelled_at FROM pgvoice.label WHERE video = :video AND"
            " (CAST(:encoder AS integer) IS NULL OR encoder_id = :encoder)"
            " ORDER BY start_ms, end_ms, encoder_id"
        ),
        {"video": video, "encoder": encoder_id},
    )
    return [Label(*row) for row in rows]


def speaker_time(connection: Connection, video: str | None, encoder_id: int) -> list[SpeakerTime]:
    """Seconds per speaker and video, for one video or all."""
    rows = connection.execute(
        text(
            "SELECT speaker, video, segments, seconds FROM pgvoice.speaker_time(:video, :encoder)"
        ),
        {"video": video, "encoder": encoder_id},
    )
    return [SpeakerTime(*row) for row in rows]
