"""Segments' vectors: finding missing ones, reading, writing and pruning."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, text

from pgvoice.store.database.failures import copying
from pgvoice.store.keys import SegmentKey
from pgvoice.store.recordings.encoders import ENCODER_ID, EncoderIdentity
from pgvoice.store.recordings.segment_rows import COLUMNS, SegmentRow, copy_stream
from pgvoice.store.recordings.turns import OnTurns, storable
from pgvoice.store.recordings.videos import VIDEO_ID

_ARRAYS = "CAST(:starts AS integer[]), CAST(:ends AS integer[])"
_ASKED = f"unnest({_ARRAYS}) AS asked(start_ms, end_ms)"
_STORED = (
    "s.start_ms = asked.start_ms AND s.end_ms = asked.end_ms"
    f" AND s.video_id = {VIDEO_ID} AND s.encoder_id = {ENCODER_ID}"
)

_MISSING = text(
    f"SELECT asked.start_ms, asked.end_ms, e.start_ms IS NOT NULL, false FROM {_ASKED}"  # noqa: S608
    f" LEFT JOIN pgvoice.erased_segments(:video, {_ARRAYS}) AS e"
    " ON (e.start_ms, e.end_ms) = (asked.start_ms, asked.end_ms) WHERE NOT EXISTS"
    f" (SELECT FROM pgvoice.segment_embedding s WHERE {_STORED}) ORDER BY 1, 2"
)
#: All segments of turns and their clean parts, also those that are stored.
_OF_TURNS = text(
    "SELECT asked.start_ms, asked.end_ms, asked.erased, EXISTS"  # noqa: S608
    f" (SELECT FROM pgvoice.segment_embedding s WHERE {_STORED})"
    f" FROM pgvoice.segments_to_fill(:video, {_ARRAYS}, CAST(:labels AS text[]), :on_turns)"
    " AS asked ORDER BY 1, 2"
)
_KEYS = text(
    "SELECT s.start_ms, s.end_ms FROM pgvoice.segment_embedding AS s"  # noqa: S608
    f" WHERE s.video_id = {VIDEO_ID} AND s.encoder_id = :encoder ORDER BY 1, 2"
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


class MissingSegments(list[SegmentKey]):
    """Keys without a row, in time order, of which a vector may be stored."""

    def __init__(self, rows: Iterable[Sequence[Any]]) -> None:
        """Of start, end, whether the speech was erased, and whether there is a row."""
        found = {SegmentKey(row[0], row[1]): (row[2], row[3]) for row in rows}
        super().__init__(key for key, flags in found.items() if flags == (False, False))
        #: The keys without a row whose speech was erased: no vector of them may be stored.
        self.erased = frozenset(key for key, flags in found.items() if flags == (True, False))
        #: All keys with their clean parts, if labels were given.
        self.of_turns = tuple(found)


def missing(
    connection: Connection, video: str, encoder: EncoderIdentity, keys: Sequence[SegmentKey]
) -> MissingSegments:
    """The keys without a row (vector or status) of this encoder."""
    return MissingSegments(connection.execute(_MISSING, _parameters(video, encoder, keys)))


def missing_of_turns(
    connection: Connection,
    video: str,
    encoder: EncoderIdentity,
    keys: Sequence[SegmentKey],
    labels: Sequence[str | None],
    on_turns: OnTurns,
) -> MissingSegments:
    """The segments of turns, and their clean parts, without a row of this encoder."""
    turns = {"labels": [storable(label) for label in labels], "on_turns": on_turns}
    return MissingSegments(connection.execute(_OF_TURNS, _parameters(video, encoder, keys) | turns))


def erased(connection: Connection, video: str, keys: Sequence[SegmentKey]) -> set[SegmentKey]:
    """Those of the keys whose speech was erased, also of other keys with the same audio."""
    rows = connection.execute(
        text(f"SELECT start_ms, end_ms FROM pgvoice.erased_segments(:video, {_ARRAYS})"),  # noqa: S608
        {"video": video, **_times(keys)},
    )
    return {SegmentKey(*row) for row in rows}


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
    import numpy as np  # takes long, and most questions need none of it

    return {
        key: SegmentRow(key, status, None if vector is None else np.asarray(vector, np.float32))
        for *span, status, vector in rows
        if (key := SegmentKey(*span))
    }


def keys(connection: Connection, video: str, encoder_id: int) -> list[SegmentKey]:
    """The segments of a video that have a row of an encoder, in time order."""
    rows = connection.execute(_KEYS, {"video": video, "encoder": encoder_id})
    return [SegmentKey(*row) for row in rows]


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
    return asdict(encoder) | {"video": video} | _times(keys)


def _times(keys: Sequence[SegmentKey]) -> dict[str, object]:
    return {"starts": [key.start_ms for key in keys], "ends": [key.end_ms for key in keys]}
