"""How far the recording in progress is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

What = Literal["segmenting", "filling"]


class Step(NamedTuple):
    """What is being done with a recording."""

    video: str
    #: None if that is not known, as of a recording that another process fills.
    what: What | None = None
    #: Milliseconds of audio while segmenting, else segments.
    done: int = 0
    total: int = 0


#: Called with each step of a recording.
OnStep = Callable[[Step], None]


class Steps:
    """Tells the steps of one recording: until all of it is segmented, only how much that is."""

    def __init__(self, video: str, tell: OnStep) -> None:
        self._video, self._tell = video, tell
        self._left_ms = 0

    def segmenting(self, done: int, total: int) -> None:
        self._left_ms = total - done
        self._tell(Step(self._video, "segmenting", done, total))

    def filling(self, done: int, total: int) -> None:
        if self._left_ms <= 0:
            self._tell(Step(self._video, "filling", done, total))


def ignore(_step: Step) -> None:
    """Tell nobody."""
