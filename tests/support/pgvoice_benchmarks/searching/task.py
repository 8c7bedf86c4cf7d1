"""The queries, their correct answers, and how they are timed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from pgvoice_benchmarks.library import Library, Matrix
from pgvoice_benchmarks.memory import most_held, own_bytes
from pgvoice_benchmarks.timing import LONG, TURNS, Timed, timed

T = TypeVar("T")

#: The figures, in the order of the tables.
INSERT = "insert all segments"
MISSING = "look up which segments of a video are there"
VIDEO = "two nearest profiles of a video's segments"
ALL = "two nearest profiles of all segments"
KEEP = "keep labels of all segments"
SPEAKER = "where a new speaker speaks"
RELABEL = "labels again with a new speaker"
EXACT, EXACT_P95 = "100 nearest by comparing all: p50", "the same: p95"
BUILD, BUILD_MEMORY = "build the index", "memory that it takes at most"
INDEXED, INDEXED_P95 = "100 nearest by the index: p50", "by the index: p95"
RECALL = "recall by the index"
#: The cost of any query to a server.
ROUND_TRIP = "a statement that asks nothing"
EFFORT = "ef_search"
#: On disk, or in memory if there are no files.
SIZE, INDEX_SIZE = "size of the vectors", "size of the index"
WHAT = (
    INSERT, MISSING, VIDEO, ALL, KEEP, SPEAKER, RELABEL, EXACT, EXACT_P95, BUILD, BUILD_MEMORY,
    INDEXED, INDEXED_P95, ROUND_TRIP, RECALL, EFFORT, SIZE, INDEX_SIZE,
)  # fmt: skip

NEAREST = 100
#: The least number of queries that are timed.
FEW = 10
#: The effort of an index search is raised until it reaches this recall.
WANTED_RECALL = 0.98
#: HNSW as pgvoice builds it: links and candidates per row; the effort that pgvoice chooses itself,
#: and the efforts to try elsewhere.
LINKS, CANDIDATES = 24, 128
ITS_OWN = 0
EFFORTS = (100, 150, 200, 250, 300, 500, 800, 1200)
#: Segment numbers, nearest first.
Found = NDArray[np.int64]
#: From a segment's number to its nearest ones, in the system's own form.
Search = Callable[[int], T]


class Figure(NamedTuple):
    """A measured value and its unit: ``s``, ``bytes`` or none."""

    value: float
    unit: str = "s"


class Contender(Protocol):
    """A system to compare; yields figures as they are measured."""

    name: str

    def figures(self, task: Task) -> Iterator[tuple[str, Figure]]: ...


@dataclass(frozen=True)
class Task:
    """A library with its vectors in memory, and the questions about it."""

    library: Library
    #: The number of queries for nearest segments.
    number: int

    @cached_property
    def queries(self) -> list[int]:
        """The segment numbers of the queries, spread over the library."""
        rng = np.random.default_rng(1)
        return sorted(rng.choice(self.library.segments, self.number, replace=False).tolist())

    @cached_property
    def vectors(self) -> Matrix:
        return self.library.vectors()

    @property
    def newcomer(self) -> int:
        """A person in the library who is enrolled late."""
        return self.library.profiles

    @cached_property
    def all_profiles(self) -> Matrix:
        """The unit mean of each person's exemplars; the newcomer is the last."""
        means = np.stack(
            [
                np.mean([clip.embedding for clip in self.library.exemplars(person)], axis=0)
                for person in range(self.newcomer + 1)
            ]
        )
        profiles: Matrix = means / np.linalg.norm(means, axis=1, keepdims=True)
        return profiles

    @property
    def profiles(self) -> Matrix:
        """The profiles without the newcomer's."""
        return self.all_profiles[: self.newcomer]

    @property
    def video(self) -> int:
        """The number of a complete video in the middle."""
        return len(self.vectors) // self.library.video_segments // 2

    @property
    def video_vectors(self) -> Matrix:
        size = self.library.video_segments
        return self.vectors[self.video * size :][:size]

    @property
    def nearest(self) -> int:
        """The number of nearest segments per query."""
        return min(NEAREST, self.library.segments // 2)

    @cached_property
    def truth(self) -> list[set[int]]:
        """The nearest segments of each query, without itself."""
        found = []
        for query in self.queries:
            similarities = self.vectors @ self.vectors[query]
            similarities[query] = -2
            found.append(set(np.argpartition(-similarities, self.nearest)[: self.nearest].tolist()))
        return found


def quickest(work: Callable[[], T]) -> Timed[T]:
    """The best of several runs, or a single one if it is long."""
    best = timed(work)
    for _ in range(TURNS - 1):
        if best.seconds < LONG:
            best = min(best, timed(work), key=lambda each: each.seconds)
    return best


def building(
    build: Callable[[], object], held: Callable[[], int] | None = own_bytes
) -> Iterator[tuple[str, Figure]]:
    """The time to build an index, and its memory if `held` is given."""
    if held is None:
        yield BUILD, Figure(timed(build).seconds)
        return
    built, memory = most_held(build, held)
    yield BUILD, Figure(built.seconds)
    yield BUILD_MEMORY, Figure(memory, "bytes")


def nearest(task: Task, search: Search[T], p50: str, p95: str) -> Iterator[tuple[str, Figure]]:
    """The times of the queries, one at a time; fewer of them if they are slow."""
    search(task.queries[0])
    seconds: list[float] = []
    for query in task.queries:
        if sum(seconds) < LONG or len(seconds) < FEW:
            seconds.append(timed(partial(search, query)).seconds)
    yield p50, Figure(float(np.quantile(seconds, 0.5)))
    yield p95, Figure(float(np.quantile(seconds, 0.95)))


def recall(task: Task, search: Search[T], numbers: Callable[[T], Found]) -> float:
    """The share of the true nearest segments that is found."""
    found = [
        len(truth & set(numbers(search(query)).tolist()))
        for query, truth in zip(task.queries, task.truth, strict=True)
    ]
    return sum(found) / task.nearest / len(found)


def themselves(found: Found) -> Found:
    """The identity, for systems that return segment numbers."""
    return found


def by_index(
    task: Task, searches: Mapping[int, Search[T]], numbers: Callable[[T], Found]
) -> Iterator[tuple[str, Figure]]:
    """Figures with the first of these rising efforts that finds enough, or with the last."""
    for effort, each in searches.items():
        chosen, search, share = effort, each, recall(task, each, numbers)
        if share >= WANTED_RECALL:
            break
    yield from nearest(task, search, INDEXED, INDEXED_P95)
    yield RECALL, Figure(share, "")
    if chosen != ITS_OWN:
        yield EFFORT, Figure(chosen, "")
