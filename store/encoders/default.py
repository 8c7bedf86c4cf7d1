"""Which encoder answers, and what another one lacks."""

from __future__ import annotations

from dataclasses import dataclass
from operator import itemgetter

from sqlalchemy import Connection, text

from pgvoice.store.errors import EncoderInUse
from pgvoice.store.recordings import encoders
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
    """The recordings whose segments have rows of `old`, but not all of `new`, by key."""
    rows = connection.execute(
        text(
            "SELECT video, segments, seconds, source, has_turns FROM pgvoice.unfilled(:new, :old)"
            " ORDER BY video"
        ),
        {"new": new.id, "old": old.id},
    )
    return [Unfilled(*row) for row in rows]


def before(connection: Connection) -> StoredEncoder | None:
    """The encoder that answered before the one that does; None if there is none."""
    others = [each for each in encoders.stored(connection) if not each.is_default]
    known = [(each.default_since, each) for each in others if each.default_since is not None]
    return max(known, key=itemgetter(0))[1] if known else None


def make_default(
    connection: Connection, new: StoredEncoder, instead_of: StoredEncoder | None = None
) -> StoredEncoder:
    """Let `new` answer from now on, and return the encoder that did before.

    Raises `EncoderInUse` if another one than `instead_of` did.
    """
    answers = connection.scalar(text("SELECT pgvoice.make_default_encoder(:new)"), {"new": new.id})
    was = next(each for each in encoders.stored(connection) if each.id == answers)
    if instead_of is not None and was.id not in (instead_of.id, new.id):
        raise EncoderInUse(
            f"{was.identity} answers by now, and not {instead_of.identity}, as somebody else"
            " switched: switch again to see what changes"
        )
    return was
