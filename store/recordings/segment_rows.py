"""Segments' rows as a stream in Postgres' binary COPY format, made by numpy, not by a loop.

The documentation of COPY describes the format ("Binary Format"). A pgvector ``vector`` is its
dimension and a zero as 16-bit integers, then its elements as 32-bit floats, all big-endian.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from pgvoice.store.keys import SegmentKey

if TYPE_CHECKING:  # importing it takes long, and programs that only ask need none of it
    import numpy as np
    from numpy.typing import NDArray

Embedding: TypeAlias = "NDArray[np.float32]"


class SegmentRow(NamedTuple):
    """A segment as it is stored: a vector of unit length, or a status that explains its absence."""

    key: SegmentKey
    #: One of `statuses.EMBEDDED_STATUSES` with a vector, of `statuses.SKIPPED_STATUSES` without.
    status: str
    embedding: Embedding | None = None


#: The columns of a row in the stream, in order.
COLUMNS = ("video_id", "start_ms", "end_ms", "encoder_id", "dimension", "status", "embedding")
#: The beginning and the end of a stream.
HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
_NULL = -1


def copy_stream(
    video_id: int, encoder_id: int, dimension: int, rows: Sequence[SegmentRow]
) -> Iterator[bytes]:
    """The whole stream for one video and encoder, in a chunk per status."""
    yield HEADER
    for status, group in groupby(sorted(rows, key=attrgetter("status")), attrgetter("status")):
        yield _chunk(video_id, encoder_id, dimension, status.encode(), list(group))
    yield TRAILER


def _chunk(
    video_id: int, encoder_id: int, dimension: int, status: bytes, rows: Sequence[SegmentRow]
) -> bytes:
    import numpy as np

    embedded = rows[0].embedding is not None
    table = np.zeros(len(rows), _row_type(len(status), dimension if embedded else None))
    values = {
        "video_id": video_id,
        "start_ms": [row.key.start_ms for row in rows],
        "end_ms": [row.key.end_ms for row in rows],
        "encoder_id": encoder_id,
        "dimension": dimension,
        "status": status,
    }
    table["fields"] = len(COLUMNS)
    for name, value in values.items():
        table[name] = value
        table[f"{name}_length"] = table.dtype[name].itemsize
    table["embedding_length"] = _NULL
    if embedded:
        table["embedding_length"] = 4 + 4 * dimension
        table["vector_dimension"] = dimension
        table["vector"] = np.stack([row.embedding for row in rows if row.embedding is not None])
    return table.tobytes()


def _row_type(status_length: int, dimension: int | None) -> np.dtype[np.void]:
    import numpy as np

    types = (">i8", ">i4", ">i4", ">i4", ">i4", f"S{status_length}")
    fields: list[tuple[str, str] | tuple[str, str, tuple[int, ...]]] = [("fields", ">i2")]
    for name, kind in zip(COLUMNS, types, strict=False):
        fields += [(f"{name}_length", ">i4"), (name, kind)]
    fields.append(("embedding_length", ">i4"))
    if dimension is not None:
        fields += [
            ("vector_dimension", ">i2"),
            ("vector_unused", ">i2"),
            ("vector", ">f4", (dimension,)),
        ]
    return np.dtype(fields)
