"""Segments' vectors: finding missing ones, reading, writing and pruning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta

import numpy as np
from sqlalchemy import Connection, text

from pgvoice.store.database.failures import copying
from pgvoice.store.keys import SegmentKey
from pgvoice.store.recordings.encoders import ENCODER_ID, EncoderIdentity
from pgvoice.store.recordings.segment_rows import COLUMNS, SegmentRow, copy_stream
from pgvoice.store.recordings.videos import VIDEO_ID

_ASKED = "unnest(CAST(:starts AS integer[]), CAST(:ends AS integer[])) AS asked(start_ms, end_ms)"
_STORED = (
    "s.start_ms = asked.start_ms AND s.end_ms = asked.end_ms"
    f" AND s.video_id = {VIDEO_ID} AND s.encoder_id = {ENCODER_ID}"
)

_PRUNE = text(
    "SELECT pgvoice.prune_segments(:video, :encoder_id, CAST(:older_than AS interval), :dry_run)"
)


@dataclass(frozen=True, slots=True)
class PruneSelection:
    """The cached segments to delete: those that meet every condition given."""

    video: str | None = None
    encoder_id: int | None = None
    #: Written longer ago than this, by the server's clock.
    older_than: timedelta | None = None


def missing(
    connection: Connection, video: str, encoder: EncoderIdentity, keys: Sequence[SegmentKey]
) -> list[SegmentKey]:
    """The keys without a row (vector or status) of this encoder, in time order."""
    rows = connection.execute(
        text(
            f"SELECT asked.start_ms, asked.end_ms FROM {_ASKED} WHERE NOT EXISTS"  # noqa: S608
            f" (SELECT FROM pgvoice.segment_embedding s WHERE {_STORED}) ORDER BY 1, 2"
        ),
        _parameters(video, encoder, keys),
    )
    return [SegmentKey(*row) for row in rows]


def read(
    connection: Connection, video: str, encoder: EncoderIdentity, keys: Sequence[SegmentKey]
) -> dict[SegmentKey, SegmentRow]:
    """The rows of those keys that are stored."""
    rows = connection.execute(
        text(
            "SELECT s.start_ms, s.end_ms, s.status, CAST(s.embedding AS real[])"  # noqa: S608
            f" FROM {_ASKED} JOIN pgvoice.segment_embedding s ON {_STORED}"
        ),
        _parameters(video, encoder, keys),
    )
    return {
        key: SegmentRow(key, status, None if vector is None else np.asarray(vector, np.float32))
        for *span, status, vector in rows
        if (key := SegmentKey(*span))
    }


def write(
    connection: Connection, video_id: int, encoder_id: int, dimension: int, rows: list[SegmentRow]
) -> None:
    """Add rows by one COPY."""
    statement = f"COPY pgvoice.segment_embedding ({', '.join(COLUMNS)}) FROM STDIN (FORMAT binary)"
    with copying(connection) as driver, driver.cursor() as cursor, cursor.copy(statement) as copy:
        for chunk in copy_stream(video_id, encoder_id, dimension, rows):
            copy.write(chunk)


def prune(connection: Connection, selection: PruneSelection, *, dry_run: bool = False) -> int:
    """Delete segments' rows, or only count them; videos, speakers and records of fills stay."""
    if selection == PruneSelection():
        raise ValueError("nothing selected: name a video, an encoder or an age")
    pruned: int = connection.scalar(_PRUNE, asdict(selection) | {"dry_run": dry_run})
    return pruned


def _parameters(
    video: str, encoder: EncoderIdentity, keys: Sequence[SegmentKey]
) -> dict[str, object]:
    return asdict(encoder) | {
        "video": video,
        "starts": [key.start_ms for key in keys],
        "ends": [key.end_ms for key in keys],
    }
