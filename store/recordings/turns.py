"""The turns of recordings: storing what a pipeline handed over, and reading it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, text

from pgvoice.store.turns import Turn

#: What becomes of a recording's stored turns when others are handed over.
OnTurns = Literal["replace", "add", "ignore"]
_STORE = text(
    "SELECT turns, added, removed, source_before FROM pgvoice.store_turns(:video,"
    " CAST(:starts AS double precision[]), CAST(:ends AS double precision[]),"
    " CAST(:labels AS text[]), CAST(:texts AS text[]), :source, :add_to)"
)
_READ = text(
    "SELECT start_s, end_s, label, text FROM pgvoice.turn WHERE video_id ="
    " (SELECT id FROM pgvoice.video WHERE key = :video) ORDER BY place"
)
_DOCUMENT = text(
    "SELECT EXISTS (SELECT FROM pgvoice.turn_document WHERE video_id ="
    " (SELECT id FROM pgvoice.video WHERE key = :video))"
)


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
    connection: Connection, video: str, turns: Sequence[Turn], source: str | None, *, add: bool
) -> TurnsStored:
    """Store valid turns of a registered video instead of those it has, or besides them."""
    row = connection.execute(
        _STORE,
        {
            "video": video,
            "starts": [float(turn.start) for turn in turns],
            "ends": [float(turn.end) for turn in turns],
            "labels": [_storable(turn.label) for turn in turns],
            "texts": [_storable(turn.text) for turn in turns],
            "source": _storable(source) or None,
            "add_to": add,
        },
    ).one()
    return TurnsStored(*row)


def read(connection: Connection, video: str) -> list[Turn] | None:
    """The turns in their document's order; None if the video has no document."""
    found = [Turn(*row) for row in connection.execute(_READ, {"video": video})]
    return found if found or connection.scalar(_DOCUMENT, {"video": video}) else None


def _storable(given: str | None) -> str | None:
    """Postgres stores neither NUL nor lone surrogates; they are written as escapes."""
    if given is None or (given.isprintable() and given.isascii()):
        return given
    return given.encode(errors="backslashreplace").decode().replace("\0", r"\x00")
