"""Exporting: the vectors of recordings' segments leave the store, and the audit trail says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection, text

from pgvoice.store.database.failures import copying
from pgvoice.store.keys import SegmentKey
from pgvoice.store.privacy import audit
from pgvoice.store.recordings import videos as recordings
from pgvoice.store.recordings.encoders import EncoderIdentity, StoredEncoder
from pgvoice.store.recordings.segment_rows import HEADER, TRAILER

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: The audit trail's word for it.
ACTION = "export vectors"


@dataclass(frozen=True, slots=True, eq=False)
class RecordingVectors:
    """The vectors of a recording's segments, in time order."""

    video: str
    encoder: EncoderIdentity
    keys: tuple[SegmentKey, ...]
    #: The diarizer's label of each segment that is a turn.
    labels: tuple[str | None, ...]
    #: ``(segments, dimension)``, float32, as they are stored.
    embeddings: NDArray[np.float32]


def begin(
    connection: Connection,
    encoder: StoredEncoder,
    videos: Sequence[str] | None,
    destination: str,
) -> list[str]:
    """Note in the audit trail that vectors of these recordings, or all, go to a destination.

    Returns the recordings that have any. Raises `UnknownVideo`.
    """
    for video in videos or ():
        recordings.require(connection, video)
    found = connection.execute(
        _FILLED, {"videos": None if videos is None else list(videos), "encoder": encoder.id}
    ).all()
    for row in found:
        details = {"vectors": row.vectors, "encoder": str(encoder.identity), "to": destination}
        audit.record(connection, ACTION, row.key, **details)
    return [row.key for row in found]


def read(connection: Connection, encoder: StoredEncoder, video: str) -> RecordingVectors:
    """The vectors of a recording; none if it was erased meanwhile."""
    values = {"video": video, "encoder": encoder.id}
    rows = connection.execute(_SEGMENTS, values).all()
    embeddings = _embeddings(connection, encoder, rows[0].video_id if rows else 0)
    return RecordingVectors(
        video,
        encoder.identity,
        tuple(SegmentKey(row.start_ms, row.end_ms) for row in rows),
        tuple(row.label for row in rows),
        embeddings,
    )


def _embeddings(
    connection: Connection, encoder: StoredEncoder, video_id: int
) -> NDArray[np.float32]:
    """By a binary COPY, whose rows have one length: see `segment_rows`."""
    import numpy as np

    dimension = encoder.identity.dimension
    row = np.dtype(
        [("fields", ">i2"), ("length", ">i4"), ("header", ">i2", 2), ("vector", ">f4", dimension)]
    )
    statement = (
        f"COPY ({_VECTORS.format(video=video_id, encoder=encoder.id)}) TO STDOUT (FORMAT binary)"
    )
    with copying(connection) as driver, driver.cursor() as cursor, cursor.copy(statement) as copy:
        stream = b"".join(bytes(chunk) for chunk in copy)
    table = np.frombuffer(stream[len(HEADER) : -len(TRAILER)], row)
    return table["vector"].astype(np.float32).reshape(-1, dimension)


_FILLED = text(
    "SELECT v.key, count(*) AS vectors FROM pgvoice.video AS v"
    " JOIN pgvoice.segment_embedding AS s ON s.video_id = v.id AND s.encoder_id = :encoder"
    " WHERE s.embedding IS NOT NULL"
    " AND (CAST(:videos AS text[]) IS NULL OR v.key = ANY (CAST(:videos AS text[])))"
    " GROUP BY v.key ORDER BY v.key"
)
_SEGMENTS = text(
    "SELECT s.video_id, s.start_ms, s.end_ms, (SELECT t.label FROM pgvoice.turn AS t"
    " WHERE t.video_id = s.video_id AND t.start_ms = s.start_ms AND t.end_ms = s.end_ms"
    " ORDER BY t.place LIMIT 1) AS label FROM pgvoice.segment_embedding AS s"
    " WHERE s.video_id = (SELECT id FROM pgvoice.video WHERE key = :video)"
    " AND s.encoder_id = :encoder AND s.embedding IS NOT NULL ORDER BY s.start_ms, s.end_ms"
)
_VECTORS = (
    "SELECT embedding FROM pgvoice.segment_embedding WHERE video_id = {video:d}"
    " AND encoder_id = {encoder:d} AND embedding IS NOT NULL ORDER BY start_ms, end_ms"
)
