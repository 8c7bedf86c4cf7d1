"""Where somebody speaks, over all videos."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, text

from pgvoice.store.keys import OnGrid

#: The most similar first, or by video and start.
Order = Literal["similarity", "time"]


@dataclass(frozen=True, slots=True)
class Appearance(OnGrid):
    """A segment that identification assigns to a speaker."""

    video: str
    start_ms: int
    end_ms: int
    #: Cosine similarity to the speaker's profile, in [-1, 1].
    similarity: float
    runner_up: str | None
    runner_up_similarity: float | None
    margin: float | None


def appearances(
    connection: Connection,
    speaker: str,
    encoder_id: int,
    threshold: float | None,
    min_margin: float | None,
    limit: int | None,
    order: Order = "similarity",
) -> list[Appearance]:
    """The segments that identification assigns to a speaker."""
    rows = connection.execute(
        text(
            "SELECT video, start_ms, end_ms, similarity, runner_up, runner_up_similarity, margin"
            " FROM pgvoice.speaker_segments_ms(:speaker, :encoder, :threshold, :min_margin,"
            " :limit, :order)"
        ),
        {
            "speaker": speaker,
            "encoder": encoder_id,
            "threshold": threshold,
            "min_margin": min_margin,
            "limit": limit,
            "order": order,
        },
    )
    return [Appearance(*row) for row in rows]
