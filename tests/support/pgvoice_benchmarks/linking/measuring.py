"""How right groups of many voices are, how similar drawn voices are, and what a backend takes."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import psutil
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from pgvoice_benchmarks.linking.population import Numbers, Voices
from pgvoice_benchmarks.memory import own_bytes

PAIRS = 400_000
#: Bounds of the seconds by which similarities of one person's voices are told apart.
LENGTHS = (1.5, 3.0, 5.0, 10.0, 20.0, 60.0)
_QUANTILES = (0.01, 0.5, 0.99, 0.999)


class Work(NamedTuple):
    """Seconds on the clock, and of the backend's processor time."""

    seconds: float
    processor: float


class Backend:
    """A connection, and the server process behind it, which is on this machine."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._process = psutil.Process(connection.scalar(text("SELECT pg_backend_pid()")))

    def link(self, videos: Sequence[str]) -> Work:
        """Link these recordings in a transaction of their own."""
        start, processor = time.perf_counter(), self._processor()
        self._connection.execute(
            text("SELECT pgvoice.link_voices(CAST(:videos AS text[]))"), {"videos": list(videos)}
        )
        self._connection.commit()
        return Work(time.perf_counter() - start, self._processor() - processor)

    def held(self) -> int:
        """Bytes that the process does not share."""
        return own_bytes(self._process)

    def _processor(self) -> float:
        used = self._process.cpu_times()
        return float(used.user + used.system)


def b_cubed(truth: Sequence[Hashable], groups: Sequence[Hashable]) -> tuple[float, float]:
    """Precision and recall (Bagga and Baldwin, 1998), by counting."""
    both = Counter(zip(truth, groups, strict=True))
    people, found = Counter(truth), Counter(groups)
    precision = sum(n * n / found[group] for (_, group), n in both.items())
    recall = sum(n * n / people[person] for (person, _), n in both.items())
    return precision / len(truth), recall / len(truth)


def spreads(voices: Voices) -> Iterator[tuple[str, str, str]]:
    """What is compared, and the mean, deviation and quantiles of the similarities."""
    rng = np.random.default_rng(0)
    one, other = rng.integers(0, len(voices.people), (2, PAIRS))
    differ = voices.people[one] != voices.people[other]
    yield "two people in two recordings", *_described(voices, one[differ], other[differ])
    places = np.flatnonzero(voices.recordings[:-1] == voices.recordings[1:])
    yield "two people in one recording", *_described(voices, places, places + 1)
    for shortest, longest in pairwise(LENGTHS):
        chosen = np.flatnonzero((voices.seconds >= shortest) & (voices.seconds < longest))
        ordered = chosen[np.argsort(voices.people[chosen], kind="stable")]
        same = voices.people[ordered[:-1]] == voices.people[ordered[1:]]
        name = f"one person, voices of {shortest:g} to {longest:g} s"
        yield name, *_described(voices, ordered[:-1][same], ordered[1:][same])


def _described(voices: Voices, one: Numbers, other: Numbers) -> tuple[str, str]:
    similarities: NDArray[np.float32] = (voices.vectors[one] * voices.vectors[other]).sum(1)
    quantiles = np.quantile(similarities, _QUANTILES)
    return (
        f"{similarities.mean():.3f} ± {similarities.std():.3f}",
        ", ".join(f"{value:.3f}" for value in quantiles),
    )
