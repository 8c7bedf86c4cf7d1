"""What newer segments than the index cost: when they are inserted, and when others are searched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from pgvoice.store import VoiceStore
from pgvoice_benchmarks.library import Library
from pgvoice_benchmarks.searching.stores import key_and_span, numbers
from pgvoice_benchmarks.searching.task import NEAREST, Task
from pgvoice_benchmarks.timing import TURNS, timed
from pgvoice_benchmarks.writing import write_library

#: Segments of one insert, in videos of a tenth of it.
ADDED = 3000


@dataclass(frozen=True)
class Searches:
    """Searches by the index for the nearest segments, of which some are newer than it."""

    p50: float
    p95: float
    #: The share of the true nearest that was found, on average and in the worst search.
    recall: float
    worst: float


class Growing:
    """A store whose library grows by whole videos."""

    def __init__(self, store: VoiceStore, segments: int, profiles: int) -> None:
        size = Library(0).video_segments
        self._store, self._profiles = store, profiles
        self.segments = -(-segments // size) * size

    def fill(self) -> float:
        """Write the library; returns the seconds."""
        return write_library(self._store, self._library())

    def add(self, segments: int) -> float:
        """Write so many more; returns the seconds."""
        size = Library(0).video_segments
        first, self.segments = self.segments // size, self.segments + segments
        return write_library(self._store, self._library(), first=first)

    def adding(self, rounds: int = TURNS) -> float:
        """The seconds of the quickest of several inserts of `ADDED` segments."""
        return min(self.add(ADDED) for _ in range(rounds))

    def searched(self, asked: Sequence[int]) -> Searches:
        """Search with these segments, by their numbers."""
        task = Task(self._library(), len(asked))
        found_numbers = numbers(task)
        places = {number: key_and_span(task, number) for number in asked}
        search = partial(self._store.answers.similar, limit=NEAREST)
        search(*places[asked[0]])
        runs = {number: timed(partial(search, *places[number])) for number in asked}
        times = [run.seconds for run in runs.values()]
        shares = [
            len(truth & set(found_numbers(runs[number].result).tolist())) / NEAREST
            for number, truth in zip(asked, self._truth(task, asked), strict=True)
        ]
        p50, p95 = np.quantile(times, (0.5, 0.95)).tolist()
        return Searches(p50, p95, float(np.mean(shares)), min(shares))

    def chosen(self, first: int, last: int, number: int) -> list[int]:
        """So many segments' numbers from `first` until before `last`, at random."""
        rng = np.random.default_rng((7, first))
        found: list[int] = rng.choice(np.arange(first, last), number, replace=False).tolist()
        return found

    def _library(self) -> Library:
        return Library(self.segments, self._profiles)

    def _truth(self, task: Task, asked: Sequence[int]) -> Iterator[set[int]]:
        vectors = task.vectors
        for number in asked:
            similarities = vectors @ vectors[number]
            similarities[number] = -2
            yield set(np.argpartition(-similarities, NEAREST)[:NEAREST].tolist())
