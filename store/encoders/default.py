"""Which encoder answers, and what another one lacks."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from pgvoice.store.recordings.encoders import StoredEncoder


@dataclass(frozen=True, slots=True)
class Unfilled:
    """A recording with segments that an encoder has no vectors of."""

    video: str
    segments: int
    #: Seconds of these segments.
    seconds: float
    #: The file that the audio was read from last; None if it never was.
    source: str | None
    #: Whether its segments are those of stored turns.
    has_turns: bool


def unfilled(connection: Connection, new: StoredEncoder, old: StoredEncoder) -> list[Unfilled]:
    raise NotImplementedError


def make_default(connection: Connection, new: StoredEncoder) -> StoredEncoder:
    raise NotImplementedError
