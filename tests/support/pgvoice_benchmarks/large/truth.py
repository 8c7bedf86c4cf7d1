"""The true nearest segments of a few, and how many of them signs of elements would find.

The library is generated part by part; only one bit per element is kept of all segments.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pgvoice_benchmarks.large.figures import Figures
from pgvoice_benchmarks.library import DIMENSION, Library, Matrix
from pgvoice_benchmarks.timing import Progress

TRUTH = "truth"
FILE = "truth.npz"
NEAREST = 100
#: Videos that are generated at once.
PART = 300
#: Numbers of candidates with the most equal signs.
CANDIDATES = (100, 200, 400, 1000, 2000, 5000, 10_000, 20_000)
#: Signs of the elements as they are, and less the mean of all.
PLAIN, CENTRED = "signs", "signs, centred"
Numbers = NDArray[np.int64]
Codes = NDArray[np.uint64]


class Truth(NamedTuple):
    """Segment numbers: of the queries, and of the nearest of each, without itself."""

    queries: Numbers
    nearest: Numbers

    def save(self, folder: Path) -> None:
        np.savez(folder / FILE, queries=self.queries, nearest=self.nearest)

    @classmethod
    def load(cls, folder: Path) -> Truth:
        with np.load(folder / FILE) as file:
            return cls(file["queries"], file["nearest"])


def find(library: Library, number: int, figures: Figures, progress: Progress) -> Truth:
    """Compare so many queries with all segments; keeps the recall that signs allow at most."""
    rng = np.random.default_rng(1)
    queries = np.sort(rng.choice(library.segments, number, replace=False))
    asked = np.stack([vector_of(library, int(query)) for query in queries])
    nearest = min(NEAREST, library.segments // 2)
    mean = next(_parts(library)).mean(0)
    best = np.full((len(queries), nearest), -3, np.float32)
    where = np.full((len(queries), nearest), -1)
    codes: dict[str, list[Codes]] = {PLAIN: [], CENTRED: []}
    start = 0
    for vectors in _parts(library):
        similarities = asked @ vectors.T
        own = np.flatnonzero((queries >= start) & (queries < start + len(vectors)))
        similarities[own, queries[own] - start] = -2
        all_best = np.hstack([best, similarities])
        chosen = np.argpartition(-all_best, nearest - 1, axis=1)[:, :nearest]
        best = np.take_along_axis(all_best, chosen, axis=1)
        here = np.broadcast_to(np.arange(start, start + len(vectors)), similarities.shape)
        where = np.take_along_axis(np.hstack([where, here]), chosen, axis=1)
        codes[PLAIN].append(signs(vectors))
        codes[CENTRED].append(signs(vectors - mean))
        start += len(vectors)
        progress(start, library.segments)
    truth = Truth(queries, where)
    for name, found in codes.items():
        for candidates, recall in _ceilings(truth, np.concatenate(found)).items():
            figures.keep(TRUTH, f"{name}, {candidates:,} candidates", recall, "recall")
    return truth


def vector_of(library: Library, number: int) -> Matrix:
    video, place = divmod(number, library.video_segments)
    found: Matrix = library.video(video).vectors[place]
    return found


def signs(vectors: Matrix) -> Codes:
    """One bit per element: whether it is positive."""
    return np.packbits(vectors > 0, axis=1).view(np.uint64)


def _ceilings(truth: Truth, codes: Codes) -> dict[int, float]:
    """The share of the nearest among so many segments with the most equal signs."""
    ranks = []
    for query, nearest in zip(truth.queries, truth.nearest, strict=True):
        differ = np.zeros(len(codes), np.uint16)
        for word in range(codes.shape[1]):
            differ += np.bitwise_count(codes[:, word] ^ codes[query, word])
        differ[query] = DIMENSION + 1
        counts = np.bincount(differ, minlength=DIMENSION + 2)
        before = np.cumsum(counts) - counts
        # Half of those that differ by as much come first.
        ranks.append((before + (counts - 1) / 2)[differ[nearest]])
    every = np.concatenate(ranks)
    return {size: float(np.mean(every < size)) for size in CANDIDATES if size < len(codes)}


def _parts(library: Library) -> Iterator[Matrix]:
    videos = -(-library.segments // library.video_segments)
    for first in range(0, videos, PART):
        yield np.concatenate(
            [library.video(number).vectors for number in range(first, min(first + PART, videos))]
        )
