"""Who speaks in a video: one statement over all the segments asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from pgvoice.store.keys import SegmentKey


@dataclass(frozen=True, slots=True)
class Identification:
    """Who speaks in one segment, or why nobody is named.

    `reason` is ``matched``, ``below_threshold``, ``ambiguous`` (the runner-up is within the
    margin), ``no_profiles``, ``missing`` (not filled yet) or the segment's own status.
    """

    #: Seconds, on the store's grid.
    start: float
    end: float
    #: The name, only where `reason` is ``matched``, or ``by_cluster`` of a cluster.
    speaker: str | None
    #: The closest enrolled person, named or not.
    nearest: str | None
    #: Cosine similarity to the closest person's profile, in [-1, 1]; no probability.
    similarity: float | None
    #: The second closest person, even when far away.
    runner_up: str | None
    runner_up_similarity: float | None
    #: `similarity` less `runner_up_similarity`.
    margin: float | None
    reason: str


def identify(
    connection: Connection,
    video: str,
    encoder_id: int,
    keys: Sequence[SegmentKey] | None,
    threshold: float | None,
    min_margin: float | None,
) -> list[Identification]:
    """One answer per key, in order; None asks for every stored segment in time order."""
    rows = connection.execute(
        text(
            "SELECT start_s, end_s, speaker, nearest, similarity, runner_up, runner_up_similarity,"
            " margin, reason FROM pgvoice.identify(:video, CAST(:starts AS double precision[]),"
            " CAST(:ends AS double precision[]), :encoder, :threshold, :min_margin)"
        ),
        {
            "video": video,
            "starts": None if keys is None else [key.start_s for key in keys],
            "ends": None if keys is None else [key.end_s for key in keys],
            "encoder": encoder_id,
            "threshold": threshold,
            "min_margin": min_margin,
        },
    )
    return [Identification(*row) for row in rows]
