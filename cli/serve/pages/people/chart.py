"""Where somebody is heard, as positions to draw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pgvoice.store.people.overview import HeardIn

#: Width of a lane, and height and width of the chart, in units of the drawing.
LANE, HEIGHT, STEP = 1000, 100, 24
#: A segment is drawn at least so wide, to be seen.
_LEAST = 3


class Mark(NamedTuple):
    """A part of a lane."""

    x: float
    width: float


class Bar(NamedTuple):
    """How long somebody speaks in a recording."""

    x: int
    y: float
    height: float
    heard: HeardIn


def lane(heard: HeardIn) -> list[Mark]:
    """When somebody speaks in a recording, from its beginning to its end."""
    end = max([heard.duration or 0, *(end for _, end in heard.spans)]) or 1
    marks = []
    for start, stop in heard.spans:
        width = max(LANE * (stop - start) / end, _LEAST)
        marks.append(Mark(round(min(LANE * start / end, LANE - width), 1), round(width, 1)))
    return marks


def bars(recordings: Sequence[HeardIn]) -> list[Bar]:
    """Seconds per recording, the oldest on the left; the recordings come newest first."""
    most = max((each.seconds for each in recordings), default=0) or 1
    found = []
    for place, each in enumerate(reversed(recordings)):
        height = round(max(HEIGHT * each.seconds / most, _LEAST), 1)
        found.append(Bar(STEP * place, round(HEIGHT - height, 1), height, each))
    return found
