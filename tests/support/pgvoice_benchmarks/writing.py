"""Write a synthetic library into a store, as fills and enrollments do."""

from __future__ import annotations

import time
from collections.abc import Iterable

from pgvoice.store import VoiceStore
from pgvoice_benchmarks.library import ENCODER, THRESHOLD, Library, name
from pgvoice_benchmarks.timing import Progress, ignore


def write_library(
    store: VoiceStore, library: Library, progress: Progress = ignore, first: int = 0
) -> float:
    """Write one transaction per video; returns the seconds without generating vectors."""
    taken, done = 0.0, 0
    for video in library.videos(first):
        rows = video.rows()
        start = time.perf_counter()
        ids = store.recordings.register(video.key, None, ENCODER, THRESHOLD)
        store.recordings.write(ids, ENCODER, rows)
        taken += time.perf_counter() - start
        done += len(rows)
        progress(done, library.segments)
    return taken


def enroll(store: VoiceStore, library: Library, people: Iterable[int]) -> None:
    """Enroll these people."""
    for person in people:
        store.people.enroll(name(person), library.exemplars(person), ENCODER, THRESHOLD, force=True)
