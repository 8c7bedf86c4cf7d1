"""Whom speech sounds like that is no part of an enrollment: enrolled people and labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from pgvoice.store.keys import SegmentKey
from pgvoice.store.people.exemplar_rows import enrolling
from pgvoice.store.recordings.encoders import StoredEncoder
from pgvoice.store.recordings.segment_rows import Embedding


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An end of a given span that sounds like somebody else."""

    #: The file.
    source: str
    #: The span, and the part that was left out.
    given: SegmentKey
    part: SegmentKey
    #: An enrolled person, or a label and its recording; None is somebody unknown.
    sounds_like: str | None

    def __str__(self) -> str:
        who = self.sounds_like or "someone else"
        return (
            f"{self.source} {_span(self.given)}: left out {_span(self.part)}, it sounds like {who}"
        )


def _span(key: SegmentKey) -> str:
    return f"{key.start_s:g}-{key.end_s:g}"


def resembled(
    connection: Connection,
    encoder: StoredEncoder,
    embeddings: Sequence[Embedding],
    audio_sha256: str,
    besides: str,
) -> list[str | None]:
    """Whom each voice in an audio sounds like, except `besides`; None if nobody who is known."""
    values = {"encoder": encoder.id, "sha256": audio_sha256, "besides": besides}
    with enrolling(connection, embeddings):
        return list(connection.scalars(_RESEMBLED, values).all())


_RESEMBLED = text(
    "SELECT pgvoice_internal.resembled(embedding, :encoder, :sha256, :besides)"
    " FROM pg_temp.enrolling ORDER BY place"
)
