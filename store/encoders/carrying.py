"""What belongs to people, given to another encoder: exemplars and unknown voices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from pgvoice.store.keys import SegmentKey
from pgvoice.store.recordings.encoders import StoredEncoder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Carried:
    """What an encoder was given."""

    exemplars: int
    #: Voices of recordings that belong to an unknown voice.
    voices: int


@dataclass(frozen=True, slots=True)
class LostExemplar:
    """An exemplar that an encoder has no vector of."""

    number: int
    speaker: str
    #: The file or recording, to show; and the recording's key, if it is one.
    source: str
    video: str | None
    audio_sha256: str
    key: SegmentKey
    excluded: bool


@dataclass(frozen=True, slots=True)
class ExemplarVector:
    """The vector of an encoder for an exemplar of another one, by its number."""

    number: int
    embedding: NDArray[np.float32]


def carry(connection: Connection, new: StoredEncoder, old: StoredEncoder) -> Carried:
    raise NotImplementedError


def missing(connection: Connection, new: StoredEncoder, old: StoredEncoder) -> list[LostExemplar]:
    raise NotImplementedError


def add(connection: Connection, new: StoredEncoder, vectors: Sequence[ExemplarVector]) -> int:
    raise NotImplementedError
