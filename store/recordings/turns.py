"""The turns of recordings: storing what a pipeline handed over, and reading it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from pgvoice.store.database.failures import NO_DATA_FOUND, sqlstate
from pgvoice.store.errors import UnknownVideo
from pgvoice.store.keys import SegmentKey
from pgvoice.store.names import checked
from pgvoice.store.turns import Turn

#: What becomes of a recording's stored turns when others are handed over.
OnTurns = Literal["replace", "add", "ignore"]
_STORE = text(
    "SELECT turns, added, removed, source_before FROM pgvoice.store_turns(:video,"
    " CAST(:starts AS double precision[]), CAST(:ends AS double precision[]),"
    " CAST(:labels AS text[]), CAST(:texts AS text[]), :source, :add_to, :segmenter)"
)
_READ = text(
    "SELECT start_s, end_s, label, text FROM pgvoice.turn WHERE video_id ="
    " (SELECT id FROM pgvoice.video WHERE key = :video) ORDER BY place LIMIT :limit OFFSET :skip"
)
_OVERLAPS = text(
    "SELECT start_ms, end_ms, max(overlapped_ms) / 1000::float8 FROM pgvoice.turn WHERE video_id ="
    " (SELECT id FROM pgvoice.video WHERE key = :video) AND overlapped_ms > 0 GROUP BY 1, 2"
)
_DOCUMENT = text(
    "SELECT EXISTS (SELECT FROM pgvoice.turn_document WHERE video_id ="
    " (SELECT id FROM pgvoice.video WHERE key = :video))"
)
_ALL = text(
    "SELECT v.key, count(t.place), array_agg(t.start_s ORDER BY t.place),"
    " array_agg(t.end_s ORDER BY t.place), array_agg(t.label ORDER BY t.place),"
    " array_agg(t.text ORDER BY t.place) FROM pgvoice.video AS v"
    " LEFT JOIN pgvoice.turn AS t ON t.video_id = v.id"
    " WHERE v.key = ANY(CAST(:videos AS text[])) GROUP BY v.key"
)


_SOURCE = text(
    "SELECT d.source, d.segmenter FROM pgvoice.turn_document AS d JOIN pgvoice.video AS v"
    " ON v.id = d.video_id WHERE v.key = :video"
)


@dataclass(frozen=True, slots=True)
class TurnSource:
    """Where the stored turns of a recording come from; a program passed them if both are None."""

    #: The file that they were read from.
    source: str | None
    #: What found them in the audio, as its identity reads.
    segmenter: str | None


@dataclass(frozen=True, slots=True)
class TurnsStored:
    """How storing turns changed those of a recording."""

    #: How many the recording has now.
    turns: int
    added: int
    removed: int
    #: The file that the turns before came from; None if there were none, or a program passed them.
    source_before: str | None


def store(
    connection: Connection,
    video: str,
    turns: Sequence[Turn],
    source: str | None,
    *,
    add: bool,
    segmenter: str | None = None,
) -> TurnsStored:
    """Store valid turns instead of those that the video has, or besides them.

    Raises `UnknownVideo`.
    """
    given = {
        "video": checked(video, "a video's key"),
        "starts": [float(turn.start) for turn in turns],
        "ends": [float(turn.end) for turn in turns],
        "labels": [storable(turn.label) for turn in turns],
        "texts": [storable(turn.text) for turn in turns],
        "source": storable(source) or None,
        "add_to": add,
        "segmenter": segmenter,
    }
    try:
        return TurnsStored(*connection.execute(_STORE, given).one())
    except DBAPIError as error:
        if sqlstate(error) != NO_DATA_FOUND:
            raise
        raise UnknownVideo(video) from None


def read(
    connection: Connection, video: str, *, limit: int | None = None, skip: int = 0
) -> list[Turn] | None:
    """The turns in their document's order; None if the video has no document."""
    values = {"video": video, "limit": limit, "skip": skip}
    found = [Turn(*row) for row in connection.execute(_READ, values)]
    return found if found or connection.scalar(_DOCUMENT, {"video": video}) else None


def source(connection: Connection, video: str) -> TurnSource | None:
    """Where the turns come from; None if the store has none, or no such video."""
    row = connection.execute(_SOURCE, {"video": video}).one_or_none()
    return None if row is None else TurnSource(*row)


def overlaps(connection: Connection, video: str) -> dict[SegmentKey, float]:
    """For how many seconds turns of other labels overlap a turn; without those that none does."""
    rows = connection.execute(_OVERLAPS, {"video": video})
    return {SegmentKey(start, end): seconds for start, end, seconds in rows}


def stale(connection: Connection, given: Mapping[str, Sequence[Turn]]) -> set[str]:
    """The videos of the store that have other turns than these; text counts where it is stored."""
    found = set[str]()
    for video, number, *columns in connection.execute(_ALL, {"videos": list(given)}):
        stored = [Turn(*row) for row in zip(*columns, strict=True)] if number else []
        turns = given[video]
        if len(turns) != len(stored) or not all(map(_same, stored, turns)):
            found.add(video)
    return found


def _same(stored: Turn, given: Turn) -> bool:
    spans = (stored.start, stored.end) == (given.start, given.end)
    text = stored.text is None or stored.text == storable(given.text)
    return spans and text and stored.label == storable(given.label)


def storable(given: str | None) -> str | None:
    """Postgres stores neither NUL nor lone surrogates; they are written as escapes."""
    if given is None or (given.isprintable() and given.isascii()):
        return given
    return given.encode(errors="backslashreplace").decode().replace("\0", r"\x00")
