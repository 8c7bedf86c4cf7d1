"""A recording, its segments or its vectors cannot be used or stored."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pgvoice.store.errors.base import PgvoiceError, Unknown, span_text
from pgvoice.store.errors.database_errors import DatabaseError


class InvalidSegment(PgvoiceError, ValueError):
    """A segment is not a span of time from zero onward."""

    def __init__(self, index: int, segment: Sequence[object], why: str) -> None:
        super().__init__(f"segment {index} {span_text(segment)}: {why}")
        self.index = index
        self.segment = segment
        self.why = why


class UnknownVideo(Unknown):
    """The store has no such video."""

    kind, lister = "video", "pgvoice cache stats"


class UnknownEncoder(PgvoiceError):
    """The store has no such encoder, or several that match."""


class AudioChanged(PgvoiceError):
    """A video's audio differs from the audio that its stored vectors were computed from."""

    def __init__(self, video: str, stored: str, given: str) -> None:
        super().__init__(
            f"the audio of {video!r} changed (sha256 {stored[:12]}… is stored, {given[:12]}… was"
            " given): choose 'keep' to add to the stored vectors, 'replace' to delete them and fill"
            " from scratch, or use another video key"
        )


class NoEmbedding(PgvoiceError):
    """A segment has no vector in the store."""

    def __init__(
        self,
        video: str,
        segments: Iterable[tuple[Sequence[object], str]],
        *,
        purpose: str = "enroll from",
    ) -> None:
        named = ", ".join(f"{span_text(segment)} is {reason}" for segment, reason in segments)
        super().__init__(
            f"no vector to {purpose} in {video!r}: {named}; fill these spans first (give the"
            " audio), or choose others"
        )


class RowsStored(DatabaseError):
    """Somebody else stored the same segments in the meantime."""

    def __init__(self) -> None:
        super().__init__(
            "somebody else stored some of these segments in the meantime: look up again which ones"
            " are missing"
        )


class RowsRefused(DatabaseError):
    """The table of vectors does not accept these rows."""

    def __init__(self, answer: str) -> None:
        super().__init__(
            f"the store does not accept these rows ({answer}): a vector must be finite, of unit"
            " length and of its encoder's dimension, and its segment's status must be ok or partial"
        )


class VideoErased(DatabaseError):
    """A recording was erased while it was being filled."""

    def __init__(self) -> None:
        super().__init__(
            "the recording was erased while it was being filled, so nothing more of it is stored:"
            " fill it again if you still want it"
        )
