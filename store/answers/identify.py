"""Who speaks in a video: one statement for all segments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from sqlalchemy import Connection, text

from pgvoice.store.keys import OnGrid, SegmentKey


@dataclass(frozen=True, slots=True)
class Identification(OnGrid):
    """Who speaks in one segment, or why nobody is named.

    `reason` is ``matched``, ``below_threshold``, ``ambiguous`` (the runner-up is within the
    margin), ``no_profiles``, ``missing`` (not filled yet) or the segment's own status. The fields
    are the columns of `pgvoice.identify_ms`.
    """

    start_ms: int
    end_ms: int
    #: The name, if `reason` is ``matched`` or, for a cluster, ``by_cluster``.
    speaker: str | None
    #: The most similar enrolled person, named or not.
    nearest: str | None
    #: Cosine similarity to the nearest person's profile, in [-1, 1]; not a probability.
    similarity: float | None
    #: The second most similar person, however far away.
    runner_up: str | None
    runner_up_similarity: float | None
    #: `similarity` minus `runner_up_similarity`.
    margin: float | None
    reason: str
    #: The similarity and the margin that a name requires; None if nothing was compared.
    threshold: float | None = None
    min_margin: float | None = None
    #: Where `threshold` comes from: ``given``, a calibration, or the encoder's own source.
    threshold_source: str | None = None


#: The columns of an `Identification`, in its order.
COLUMNS = ", ".join(field.name for field in fields(Identification))
_IDENTIFY = text(
    f"SELECT {COLUMNS} FROM pgvoice.identify_ms(:video, CAST(:starts AS integer[]),"  # noqa: S608
    " CAST(:ends AS integer[]), :encoder, :threshold, :min_margin)"
)


def identify(
    connection: Connection,
    video: str,
    encoder_id: int,
    keys: Sequence[SegmentKey] | None,
    threshold: float | None,
    min_margin: float | None,
) -> list[Identification]:
    """One answer per key, in order; without keys one per stored segment, in time order."""
    rows = connection.execute(
        _IDENTIFY,
        {
            "video": video,
            "starts": None if keys is None else [key.start_ms for key in keys],
            "ends": None if keys is None else [key.end_ms for key in keys],
            "encoder": encoder_id,
            "threshold": threshold,
            "min_margin": min_margin,
        },
    )
    return [Identification(*row) for row in rows]
