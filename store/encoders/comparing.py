"""Two encoders compared: labels that would change, and what people confirmed."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from pgvoice.store.labels.runs import LabelMove
from pgvoice.store.recordings.encoders import StoredEncoder


@dataclass(frozen=True, slots=True)
class Confirmed:
    """How an encoder judges the speech that people named, in segments and seconds."""

    segments: int
    seconds: float
    #: Seconds that get the right name, another one, or none.
    right: float
    wrong: float
    unnamed: float
    #: Seconds that a person said are nobody's who is enrolled, or not somebody's; and of these, how
    #: many get that name all the same.
    denied: float
    denied_named: float


def changes(connection: Connection, new: StoredEncoder, old: StoredEncoder) -> list[LabelMove]:
    raise NotImplementedError


def confirmed(connection: Connection, encoder: StoredEncoder) -> Confirmed:
    raise NotImplementedError
