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


def ignore(_step: Step) -> None:
    """Tell nobody."""
