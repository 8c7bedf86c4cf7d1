"""A recording, its segments, vectors, labels or thresholds cannot be used or stored."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pgvoice.store.errors.base import PgvoiceError, Unknown, span_text
from pgvoice.store.errors.database_errors import DatabaseError


class InvalidSegment(PgvoiceError, ValueError):
    """A segment is not a span of time from zero onward."""

    def __init__(self, index: int, segment: Sequence[object], why: str) -> None:
        super().__init__(f"segment {index} {span_text(segment)}: {why}")
        self.index = index
        #: As given; the times need not be numbers.
        self.segment = tuple(segment)
        self.why = why


class UnknownVideo(Unknown):
    """The store has no such video."""

    kind, lister = "video", "pgvoice cache stats"


class UnknownEncoder(PgvoiceError):
    """The store has no such encoder, or several that match."""


class EncoderImported(PgvoiceError):
    """Vectors of an encoder are imported, so no model may store any as its own."""

    def __init__(self, encoder: str) -> None:
        super().__init__(
            f"vectors of {encoder} are computed elsewhere and imported (`pgvoice vectors import`):"
            " fill and enroll with a model instead (--encoder)"
        )


class VectorsRefused(PgvoiceError):
    """Vectors of another engine cannot be imported; the message names the row."""


class EncoderInUse(PgvoiceError):
    """An encoder answers, or has what no other encoder has, so it is not dropped or replaced."""


class AudioChanged(PgvoiceError):
    """A video's audio differs from the audio that its stored vectors were computed from."""


class NoEmbedding(PgvoiceError):
    """A segment has no vector in the store."""

    def __init__(
        self,
        video: str,
        segments: Iterable[tuple[Sequence[object], str]],
        *,
        purpose: str = "enroll from",
        nearest: str = "",
    ) -> None:
        named = ", ".join(f"{span_text(segment)} is {reason}" for segment, reason in segments)
        near = f" ({nearest})" if nearest else ""
        super().__init__(
            f"no vector to {purpose} in {video!r}: {named}; fill these spans first (give the"
            f" audio), or choose others{near}"
        )


class NoSegment(PgvoiceError):
    """A span means no stored segment."""

    def __init__(self, video: str, span: Sequence[float], nearest: str) -> None:
        super().__init__(
            "no segment {}-{} in {!r}, nor one within half a second: {}".format(
                *span, video, nearest
            )
        )
        self.nearest = nearest


class AmbiguousSpan(PgvoiceError):
    """A span means one of several stored segments."""

    def __init__(self, video: str, span: Sequence[float], found: str) -> None:
        super().__init__(
            "{}-{} in {!r} means several segments: choose one of {}".format(*span, video, found)
        )


class NotHearable(PgvoiceError):
    """A span of a recording may not be played: it was erased, or nobody is known to speak there."""


class UnknownTurnLabel(PgvoiceError):
    """No turn of a recording has the label, or none of its turns is stored."""

    def __init__(self, video: str, label: str, why: str) -> None:
        super().__init__(f"no speech of {label!r} in {video!r}: {why}")


class RowsStored(DatabaseError):
    """Somebody else stored the same segments in the meantime."""


class RowsRefused(DatabaseError):
    """The table of vectors does not accept these rows."""


class VideoErased(DatabaseError):
    """A recording was erased while it was being filled."""

    def __init__(self) -> None:
        super().__init__(
            "the recording was erased while it was being filled, so nothing more of it is stored:"
            " fill it again if you still want it"
        )


class UnknownRun(Unknown):
    """The store has no such run of labels."""

    kind, lister = "run", "pgvoice labels runs"


class UnknownLabel(PgvoiceError):
    """A segment cannot be pinned because it is not stored, or unpinned because it has no pin."""

    def __init__(self, video: str, segment: Sequence[object], what: str, nearest: str = "") -> None:
        near = f" ({nearest})" if nearest else ""
        super().__init__(
            f"no {what} {span_text(segment)} in {video!r}: `pgvoice labels show` and"
            f" `pgvoice identify` list the recording's segments{near}"
        )


class LabelIsNoName(PgvoiceError):
    """A label that a diarizer made up was given instead of a person's name."""

    def __init__(self, label: str) -> None:
        super().__init__(
            f"{label!r} is a diarizer's label and may be an enrolled person: replace it with a name"
            " (any name that is not enrolled counts as a stranger), or leave these segments out"
        )


class UnknownCalibration(Unknown):
    """The store has no such calibration."""

    kind, lister = "calibration", "pgvoice calibrate --list"


class CalibrationUnsupported(PgvoiceError):
    """There is too little labelled speech for the requested thresholds."""


class SpeechErased(PgvoiceError):
    """The speech was erased, and no vector of it may be stored."""
