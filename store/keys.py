"""From seconds to the store's grid of whole milliseconds: the only place that rounds seconds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

from pgvoice.store.errors import InvalidSegment

#: The grids that a store can be created with, in milliseconds.
GRIDS_MS = (10, 100)
DEFAULT_GRID_MS = 100
#: The largest time that fits a Postgres ``integer`` of milliseconds (24.8 days).
MAX_SECONDS = 2_147_483.0

#: A (start, end) in seconds, or a `SegmentKey`.
Span = Sequence[float]


class OnGrid:
    """Base of answers about a segment: its key, and `start` and `end` in seconds."""

    __slots__ = ()

    #: Whole milliseconds on the store's grid.
    start_ms: int
    end_ms: int

    @property
    def key(self) -> SegmentKey:
        return SegmentKey(self.start_ms, self.end_ms)

    @property
    def start(self) -> float:
        return self.start_ms / 1000

    @property
    def end(self) -> float:
        return self.end_ms / 1000


class SegmentKey(NamedTuple):
    """A segment's place in its video, in whole milliseconds on the store's grid."""

    start_ms: int
    end_ms: int

    @property
    def duration_ms(self) -> int:
        return self.end_ms - self.start_ms

    @property
    def start_s(self) -> float:
        """Seconds; snap back to the same key."""
        return self.start_ms / 1000

    @property
    def end_s(self) -> float:
        return self.end_ms / 1000


class SnappedSegments(NamedTuple):
    """The keys of a list of (start, end) in seconds."""

    #: In the order given, repeats included; None where the segment is invalid.
    keys: list[SegmentKey | None]
    #: One error for each invalid segment.
    invalid: list[InvalidSegment]

    @property
    def distinct(self) -> list[SegmentKey]:
        """The valid keys, each once, in time order."""
        return sorted({key for key in self.keys if key is not None})


def snap_ms(seconds: float, grid_ms: int = DEFAULT_GRID_MS) -> int:
    """The grid point nearest to `seconds`, in milliseconds; halves round away from zero.

    `seconds` is read as decimal text with 15 significant digits, as Postgres casts
    ``double precision`` to ``numeric``, so ``pgvoice.snap_ms`` in SQL returns the same. Raises
    `ValueError` for NaN, infinity and times that do not fit.
    """
    if not math.isfinite(seconds) or abs(seconds) > MAX_SECONDS:
        raise ValueError(f"{seconds!r} is not a time in seconds of at most {MAX_SECONDS:.0f}")
    steps = Decimal(format(seconds, ".15g")) * 1000 / grid_ms
    return int(steps.quantize(Decimal(1), rounding=ROUND_HALF_UP)) * grid_ms


def snap_segment(segment: Span, grid_ms: int = DEFAULT_GRID_MS, *, index: int = 0) -> SegmentKey:
    """The key of one (start, end) in seconds; a `SegmentKey` is returned as it is.

    Raises `InvalidSegment`, a `ValueError`, if a time is not finite or if, on the grid, the start
    is negative or after the end. `index` only names the segment in the message.
    """
    if isinstance(segment, SegmentKey):
        return segment
    try:
        start, end = (float(time) for time in segment)
        key = SegmentKey(snap_ms(start, grid_ms), snap_ms(end, grid_ms))
    except (TypeError, ValueError) as error:
        raise InvalidSegment(index, segment, str(error)) from None
    if key.start_ms < 0:
        raise InvalidSegment(index, segment, "it starts before the audio does")
    if key.end_ms < key.start_ms:
        raise InvalidSegment(index, segment, "it ends before it starts")
    return key


def snap_segments(segments: Iterable[Span], grid_ms: int = DEFAULT_GRID_MS) -> SnappedSegments:
    """The keys of many segments; an invalid one does not stop the others."""
    snapped = SnappedSegments([], [])
    for index, segment in enumerate(segments):
        try:
            snapped.keys.append(snap_segment(segment, grid_ms, index=index))
        except InvalidSegment as error:
            snapped.keys.append(None)
            snapped.invalid.append(error)
    return snapped


def valid_keys(spans: Iterable[Span], grid_ms: int) -> list[SegmentKey]:
    """The key of each (start, end) in seconds, in order. Raises `InvalidSegment`."""
    return [snap_segment(span, grid_ms, index=index) for index, span in enumerate(spans)]
