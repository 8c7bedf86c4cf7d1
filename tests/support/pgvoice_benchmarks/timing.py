"""Comparable times: runs alternate, and short ones are repeated for the best time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Generic, NamedTuple, TypeVar

from pgvoice.cli.output import progress_bar

#: Called with what is done and the total.
Progress = Callable[[int, int], None]
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

TURNS = 3
#: Seconds; a longer run is not repeated.
LONG = 10.0


class Timed(NamedTuple, Generic[T_co]):
    seconds: float
    result: T_co


#: Measures its own time, so that it can exclude its preparation.
Run = Callable[[Progress], Timed[T]]


#: What `timed` reads, in seconds.
_clocks = [time.perf_counter]


@contextmanager
def processor_time() -> Iterator[None]:
    """Count the seconds of all of the process's threads, which others on the machine hardly change.

    A thread that waits in a loop counts, too.
    """
    _clocks.append(time.process_time)
    try:
        yield
    finally:
        _clocks.pop()


def timed(work: Callable[[], T]) -> Timed[T]:
    clock = _clocks[-1]
    start = clock()
    result = work()
    return Timed(clock() - start, result)


def in_turns(
    label: str, runs: Mapping[str, Run[T]], turns: int = TURNS, long: float = LONG
) -> dict[str, Timed[T]]:
    """The best time of each; runs alternate so that all meet the same load."""
    best: dict[str, Timed[T]] = {}
    for _ in range(turns):
        for name, run in runs.items():
            if name not in best or best[name].seconds < long:
                found = _shown(f"{label}: {name}", run)
                best[name] = min(best.get(name, found), found, key=lambda each: each.seconds)
    return best


def _shown(label: str, run: Run[T]) -> Timed[T]:
    """Run with a progress bar if there is a terminal."""
    with progress_bar(label) as progress:
        return run(progress or ignore)


def ignore(_done: int, _total: int) -> None:
    """No progress display."""
