"""Times that can be compared: of runs taken in turns, each the best of several if it is short."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Generic, NamedTuple, TypeVar

from pgvoice.cli.output import progress_bar

#: Told how much of how much is done.
Progress = Callable[[int, int], None]
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

TURNS = 3
#: A run that takes longer, in seconds, is run once.
LONG = 10.0


class Timed(NamedTuple, Generic[T_co]):
    seconds: float
    result: T_co


#: Times itself, so that it may prepare something first.
Run = Callable[[Progress], Timed[T]]


def timed(work: Callable[[], T]) -> Timed[T]:
    start = time.perf_counter()
    result = work()
    return Timed(time.perf_counter() - start, result)


def in_turns(label: str, runs: Mapping[str, Run[T]]) -> dict[str, Timed[T]]:
    """The best time of each; in turns, so that all meet the same machine."""
    best: dict[str, Timed[T]] = {}
    for _ in range(TURNS):
        for name, run in runs.items():
            if name not in best or best[name].seconds < LONG:
                found = _shown(f"{label}: {name}", run)
                best[name] = min(best.get(name, found), found, key=lambda each: each.seconds)
    return best


def _shown(label: str, run: Run[T]) -> Timed[T]:
    """Progress is shown on a terminal."""
    with progress_bar(label) as progress:
        return run(progress or ignore)


def ignore(_done: int, _total: int) -> None:
    """Progress that nobody sees."""
