"""From spans as people type them, and from diarizers' labels, to stored segments."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from pgvoice.store.database.failures import NO_DATA_FOUND, TOO_MANY_ROWS, detail, sqlstate
from pgvoice.store.errors import AmbiguousSpan, NoSegment, UnknownTurnLabel
from pgvoice.store.keys import SegmentKey, Span, snap_segment

_RESOLVE = text(
    "SELECT start_ms, end_ms FROM pgvoice.resolve_span(:video, :start, :end, :encoder,"
    " :with_vector)"
)
_LABELLED = text("SELECT start_ms, end_ms FROM pgvoice.label_segments(:video, :label, :encoder)")
_CLEAR = text("SELECT start_ms, end_ms FROM pgvoice.clear_segments(:video, :label, :encoder)")
#: Seconds.
_HALF_A_TENTH = 0.05


@dataclass(frozen=True, slots=True)
class ResolvedSpeech:
    """A span or a diarizer's label, and the stored segments that it means."""

    #: Start and end in seconds, or the label.
    given: tuple[float, float] | str
    #: In time order.
    segments: tuple[SegmentKey, ...]

    @property
    def exact(self) -> bool:
        """Whether it is a span whose times, rounded to a tenth of a second, are its only segment's.

        On a grid of 10 ms this is as exact as people type.
        """
        if isinstance(self.given, str) or len(self.segments) != 1:
            return False
        (key,), (start, end) = self.segments, self.given
        return max(abs(key.start_s - start), abs(key.end_s - end)) < _HALF_A_TENTH


def resolve(
    connection: Connection,
    video: str,
    span: Span,
    encoder_id: int,
    *,
    index: int = 0,
    with_vector: bool = False,
) -> ResolvedSpeech:
    """The stored segments that a span of a known video means; a `SegmentKey` means itself.

    Raises `InvalidSegment`, and `NoSegment` or `AmbiguousSpan`, which leave the transaction usable.
    """
    if isinstance(span, SegmentKey):
        return ResolvedSpeech((span.start_s, span.end_s), (span,))
    snap_segment(span, index=index)
    start, end = map(float, span)
    try:
        with connection.begin_nested():
            rows = connection.execute(
                _RESOLVE,
                {
                    "video": video,
                    "start": start,
                    "end": end,
                    "encoder": encoder_id,
                    "with_vector": with_vector,
                },
            )
            return ResolvedSpeech((start, end), tuple(SegmentKey(*row) for row in rows))
    except DBAPIError as error:
        if sqlstate(error) == NO_DATA_FOUND:
            raise NoSegment(video, (start, end), detail(error)) from None
        if sqlstate(error) == TOO_MANY_ROWS:
            raise AmbiguousSpan(video, (start, end), detail(error)) from None
        raise


def labelled(
    connection: Connection, video: str, labels: Iterable[str], encoder_id: int, *, clear: bool
) -> list[ResolvedSpeech]:
    """The stored segments of each of these diarizer's labels in a known video.

    `clear`: only the best of each to enroll somebody with. Raises `UnknownTurnLabel`.
    """
    found = []
    for label in labels:
        values = {"video": video, "label": label, "encoder": encoder_id}
        try:
            rows = connection.execute(_CLEAR if clear else _LABELLED, values).all()
        except DBAPIError as error:
            if sqlstate(error) != NO_DATA_FOUND:
                raise
            raise UnknownTurnLabel(video, label, detail(error)) from None
        if not rows:
            why = "none of its turns has a vector" if clear else "none of its turns is stored"
            raise UnknownTurnLabel(video, label, f"{why}, so fill them first")
        found.append(ResolvedSpeech(label, tuple(SegmentKey(*row) for row in rows)))
    return found
