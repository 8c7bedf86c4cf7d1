"""What people said of who speaks in a recording."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from pgvoice.store.keys import SegmentKey

_SAID = text(
    "SELECT starts_ms, ends_ms, holds, speaker, unknown_voice, author, said_at, act"
    " FROM pgvoice.words(:video)"
)


@dataclass(frozen=True, slots=True)
class Word:
    """What somebody said of spans of a recording; of contradicting words, the newest counts."""

    #: In time order; touching segments are one span.
    spans: tuple[SegmentKey, ...]
    #: Whether it says who speaks, or who does not.
    holds: bool
    #: None for an unknown voice, or if both are None, for nobody known.
    speaker: str | None
    unknown_voice: int | None
    #: The database's user.
    author: str
    said_at: datetime
    #: The act that it was part of; None if the act is not kept.
    act: int | None

    @property
    def seconds(self) -> float:
        return sum(span.duration_ms for span in self.spans) / 1000

    def __str__(self) -> str:
        voice = None if self.unknown_voice is None else f"unknown voice {self.unknown_voice}"
        return f"{'is' if self.holds else 'is not'} {self.speaker or voice or 'nobody known'}"


def said(connection: Connection, video: str) -> list[Word]:
    """The words of a known video, the oldest first."""
    return [
        Word(tuple(map(SegmentKey, starts, ends)), *rest)
        for starts, ends, *rest in connection.execute(_SAID, {"video": video})
    ]
