"""Turns by what was said in them."""

from __future__ import annotations

from dataclasses import dataclass, fields

from sqlalchemy import Connection, text

from pgvoice.store.keys import OnGrid
from pgvoice.store.recordings.encoders import ASKED, ENCODER_LABEL


@dataclass(frozen=True, slots=True)
class FoundTurn(OnGrid):
    """A turn whose text was searched for."""

    video: str
    #: The segment.
    start_ms: int
    end_ms: int
    #: The diarizer's.
    label: str | None
    #: Who has the current label; None if nobody has.
    speaker: str | None
    #: Without a speaker, the number of the unknown voice.
    voice: int | None
    text: str
    #: Whose labels and voices these are; None while the store has no encoder.
    encoder: str | None


_COLUMNS = ", ".join(
    ENCODER_LABEL if field.name == "encoder" else field.name for field in fields(FoundTurn)
)
_SEARCH = text(
    f"SELECT {_COLUMNS} FROM pgvoice.search_text("  # noqa: S608 - of constants
    f":query, :limit, :skip, :video, {ASKED})"
)


def search(
    connection: Connection,
    query: str,
    limit: int | None,
    skip: int,
    video: str | None,
    encoder_id: int | None,
) -> list[FoundTurn]:
    """The turns whose text contains a query, by recording and time."""
    asked = {"query": query, "limit": limit, "skip": skip, "video": video, "encoder": encoder_id}
    return [FoundTurn(*row) for row in connection.execute(_SEARCH, asked)]
