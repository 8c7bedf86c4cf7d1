"""FAISS: its flat index and its HNSW index."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pgvoice_benchmarks.library import DIMENSION, THRESHOLD
from pgvoice_benchmarks.searching.arrays import confirmed
from pgvoice_benchmarks.searching.task import (
    ALL,
    EFFORTS,
    EXACT,
    EXACT_P95,
    INDEX_SIZE,
    INSERT,
    SIZE,
    SPEAKER,
    VIDEO,
    Figure,
    Found,
    Search,
    Task,
    building,
    by_index,
    nearest,
    quickest,
    themselves,
)
from pgvoice_benchmarks.timing import timed

#: With fewer links no effort finds enough: its graph connects clusters of voices badly.
LINKS, CANDIDATES = 32, 128


class Faiss:
    name = "FAISS"

    def figures(self, task: Task) -> Iterator[tuple[str, Figure]]:
        yield from _flat(task)
        yield from _graph(task)


def _flat(task: Task) -> Iterator[tuple[str, Figure]]:
    import faiss

    vectors, people = task.vectors, faiss.IndexFlatIP(DIMENSION)
    people.add(task.profiles)
    flat = faiss.IndexFlatIP(DIMENSION)
    yield INSERT, Figure(timed(lambda: flat.add(vectors)).seconds)
    yield VIDEO, Figure(quickest(lambda: people.search(task.video_vectors, 2)).seconds)
    yield ALL, Figure(quickest(lambda: people.search(vectors, 2)).seconds)
    yield SPEAKER, Figure(quickest(lambda: _spoken_by(flat, task)).seconds)
    yield from nearest(task, _search(flat, task), EXACT, EXACT_P95)
    yield SIZE, Figure(vectors.nbytes, "bytes")


def _graph(task: Task) -> Iterator[tuple[str, Figure]]:
    import faiss

    graph = faiss.IndexHNSWFlat(DIMENSION, LINKS, faiss.METRIC_INNER_PRODUCT)
    graph.hnsw.efConstruction = CANDIDATES
    yield from building(lambda: graph.add(task.vectors))
    searches = {effort: _search(graph, task, effort) for effort in EFFORTS}
    yield from by_index(task, searches, themselves)
    yield INDEX_SIZE, Figure(faiss.serialize_index(graph).nbytes, "bytes")


def _spoken_by(flat: Any, task: Task) -> Found:
    _, _, near = flat.range_search(task.all_profiles[-1:], THRESHOLD.similarity)
    return confirmed(near, task.vectors[near], task.all_profiles, task.newcomer)


def _search(index: Any, task: Task, effort: int | None = None) -> Search[Found]:
    def search(query: int) -> Found:
        if effort is not None:
            index.hnsw.efSearch = effort
        _, found = index.search(task.vectors[query : query + 1], task.nearest + 1)
        others: Found = found[0][found[0] != query][: task.nearest]
        return others

    return search
