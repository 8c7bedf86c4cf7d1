"""What belongs to people, given to another encoder: exemplars and unknown voices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sqlalchemy import Connection, text

from pgvoice.store.database import locks
from pgvoice.store.keys import SegmentKey
from pgvoice.store.people.exemplar_rows import enrolling
from pgvoice.store.recordings.encoders import StoredEncoder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Why an encoder lacks an exemplar of another one. ``no vector``: none is stored for its span, so
#: that it can be computed from audio. ``no span``: it was imported without its audio. The others
#: may not be stored: the person's consent ended, the speech was erased, or a voice opted out; or
#: the person would have ``no profile``, as the vectors cancel each other out.
Reason = Literal["no vector", "no span", "no consent", "erased", "opted out", "no profile"]


@dataclass(frozen=True, slots=True)
class Carried:
    """What an encoder was given."""

    exemplars: int
    #: Voices of recordings that belong to an unknown voice.
    voices: int
    #: People who opted out by their voice and whom the encoder cannot recognise.
    unrecognised_opt_outs: int = 0


@dataclass(frozen=True, slots=True)
class LostExemplar:
    """An exemplar that an encoder has no vector of."""

    number: int
    speaker: str
    #: The file or recording, to show; and the key of a recording with this audio, if there is one.
    source: str
    video: str | None
    audio_sha256: str
    key: SegmentKey
    excluded: bool
    reason: Reason

    @property
    def can_be_computed(self) -> bool:
        """Whether a vector computed from the audio may be stored."""
        return self.reason == "no vector"


@dataclass(frozen=True, slots=True)
class ExemplarVector:
    """The vector of an encoder for an exemplar of another one, by its number."""

    number: int
    embedding: NDArray[np.float32]


_CARRY = text(
    "SELECT exemplars, voices, pgvoice.unrecognised_opt_outs(:target) AS unrecognised"
    " FROM pgvoice.carry_over(:source, :target)"
)
_UNRECOGNISED = text("SELECT pgvoice.unrecognised_opt_outs(:id)")
_MISSING = text(
    "SELECT e.id, s.name, e.source, (SELECT v.key FROM pgvoice.video v"
    " WHERE e.end_ms > 0 AND (v.audio_sha256 = e.audio_sha256"
    " OR v.id = e.video_id AND e.audio_sha256 = 'video ' || v.id)"
    " ORDER BY v.id = e.video_id DESC NULLS LAST, v.id LIMIT 1) AS video, e.audio_sha256,"
    " e.start_ms, e.end_ms, e.excluded, k.refused"
    " FROM pgvoice_internal.lacking_twins(:source, :target) k"
    " JOIN pgvoice.enrollment e ON e.id = k.exemplar"
    " JOIN pgvoice.speaker s ON s.id = e.speaker_id"
    " WHERE k.refused IS NOT NULL ORDER BY s.name, e.id"
)
_ADD = text(
    "SELECT pgvoice_internal.add_twins(array_agg(g.number ORDER BY g.place),"
    " array_agg(v.embedding ORDER BY g.place), :target, '{}')"
    " FROM unnest(CAST(:numbers AS bigint[])) WITH ORDINALITY AS g(number, place)"
    " JOIN pg_temp.enrolling AS v USING (place)"
)


def carry(connection: Connection, new: StoredEncoder, old: StoredEncoder) -> Carried:
    """Copy the exemplars of `old` that have a stored vector of `new`, and link its voices."""
    with locks.patient(connection, "carrying over", locks.PATIENCE):
        row = connection.execute(_CARRY, {"source": old.id, "target": new.id}).one()
    return Carried(*row)


def missing(connection: Connection, new: StoredEncoder, old: StoredEncoder) -> list[LostExemplar]:
    """The exemplars of `old` that `new` lacks and `carry` cannot copy, by person."""
    rows = connection.execute(_MISSING, {"source": old.id, "target": new.id})
    return [
        LostExemplar(
            row.id,
            row.name,
            row.source,
            row.video,
            row.audio_sha256,
            SegmentKey(row.start_ms, row.end_ms),
            row.excluded,
            row.refused,
        )
        for row in rows
    ]


def add(connection: Connection, new: StoredEncoder, vectors: Sequence[ExemplarVector]) -> int:
    """Store vectors of `new` for exemplars; leaves out those that are gone or not allowed.

    Raises `ValueError` for a vector of another dimension, `RowsRefused` for one that is not finite.
    """
    for vector in vectors:
        if vector.embedding.shape != (new.identity.dimension,):
            raise ValueError(
                f"the vector of exemplar {vector.number} has the shape {vector.embedding.shape},"
                f" but {new.identity} makes vectors of {new.identity.dimension} elements"
            )
    values = {"numbers": [vector.number for vector in vectors], "target": new.id}
    with (
        locks.patient(connection, "carrying over", locks.PATIENCE),
        enrolling(connection, [vector.embedding for vector in vectors]),
    ):
        added: int = connection.scalar(_ADD, values)
    return added


def unrecognised_opt_outs(connection: Connection, encoder: StoredEncoder) -> int:
    """How many people opted out by their voice whom only other encoders can recognise."""
    found: int = connection.scalar(_UNRECOGNISED, {"id": encoder.id})
    return found
