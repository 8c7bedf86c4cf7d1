"""numpy: matrix products with the vectors in memory."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pgvoice_benchmarks.library import THRESHOLD, Matrix
from pgvoice_benchmarks.searching.task import (
    ALL,
    EXACT,
    EXACT_P95,
    INSERT,
    SIZE,
    SPEAKER,
    VIDEO,
    Figure,
    Found,
    Task,
    nearest,
    quickest,
)

#: Vectors that are compared with all profiles at once.
CHUNK = 1 << 16


class Arrays:
    name = "numpy"

    def figures(self, task: Task) -> Iterator[tuple[str, Figure]]:
        vectors, profiles = task.vectors, task.profiles
        yield INSERT, Figure(quickest(vectors.copy).seconds)
        yield VIDEO, Figure(quickest(lambda: two_nearest(task.video_vectors, profiles)).seconds)
        yield ALL, Figure(quickest(lambda: two_nearest(vectors, profiles)).seconds)
        spoken = quickest(lambda: spoken_by(vectors, task.all_profiles, task.newcomer))
        yield SPEAKER, Figure(spoken.seconds)
        yield from nearest(
            task, lambda query: most_similar(vectors, query, task.nearest), EXACT, EXACT_P95
        )
        yield SIZE, Figure(vectors.nbytes, "bytes")


def two_nearest(vectors: Matrix, profiles: Matrix) -> tuple[NDArray[np.int64], Matrix]:
    """The two nearest profiles of each vector, nearest first, and their similarities."""
    steps = [*range(0, len(vectors), CHUNK), len(vectors)]
    found = [_two_nearest(vectors[start:end], profiles) for start, end in pairwise(steps)]
    return np.concatenate([who for who, _ in found]), np.concatenate([how for _, how in found])


def _two_nearest(vectors: Matrix, profiles: Matrix) -> tuple[NDArray[np.int64], Matrix]:
    similarities = vectors @ profiles.T
    two = np.argpartition(-similarities, 1, axis=1)[:, :2]
    of_two = np.take_along_axis(similarities, two, axis=1)
    order = np.argsort(-of_two, axis=1)
    return np.take_along_axis(two, order, axis=1), np.take_along_axis(of_two, order, axis=1)


def spoken_by(vectors: Matrix, profiles: Matrix, person: int) -> Found:
    """The segments whose nearest profile is this one, above the threshold, most similar first."""
    similarities = vectors @ profiles[person]
    order = np.argsort(-similarities)
    near = order[: np.searchsorted(-similarities[order], -THRESHOLD.similarity, side="right")]
    return confirmed(near, vectors[near], profiles, person)


def confirmed(
    near: NDArray[np.int64], vectors: Matrix, profiles: Matrix, person: int
) -> NDArray[np.int64]:
    """The segments of `near` to which no other profile is nearer, most similar first."""
    similarities = vectors @ profiles.T
    own = similarities[:, person]
    kept = np.flatnonzero(own == similarities.max(axis=1)) if len(near) else near
    return near[kept[np.argsort(-own[kept])]]


def most_similar(vectors: Matrix, query: int, number: int) -> Found:
    similarities = vectors @ vectors[query]
    similarities[query] = -2
    found = np.argpartition(-similarities, number)[:number]
    return found[np.argsort(-similarities[found])]
