"""pgvoice: the functions that its commands call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from sqlalchemy import text

from pgvoice.store import SimilarSegment, VoiceStore
from pgvoice.store.keys import Span
from pgvoice_benchmarks.library import ENCODER, PREFIX, name
from pgvoice_benchmarks.memory import server_bytes
from pgvoice_benchmarks.searching.task import (
    ALL,
    EXACT,
    EXACT_P95,
    INDEX_SIZE,
    INSERT,
    ITS_OWN,
    KEEP,
    MISSING,
    RELABEL,
    ROUND_TRIP,
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
)
from pgvoice_benchmarks.timing import timed
from pgvoice_benchmarks.writing import enroll, write_library


class Pgvoice:
    name = "pgvoice"

    def __init__(self, store: VoiceStore) -> None:
        self._store = store

    def figures(self, task: Task) -> Iterator[tuple[str, Figure]]:
        store, library = self._store, task.library
        yield INSERT, Figure(write_library(store, library))
        self._run("VACUUM ANALYZE pgvoice.segment_embedding")
        yield SIZE, Figure(store.recordings.statistics().bytes_on_disk, "bytes")
        enroll(store, library, range(library.profiles))
        video = library.video(task.video)
        missing = quickest(lambda: store.recordings.missing(video.key, ENCODER, video.spans))
        yield MISSING, Figure(missing.seconds)
        yield VIDEO, Figure(quickest(lambda: store.answers.identify(video.key)).seconds)
        yield ALL, Figure(self._timed("SELECT * FROM pgvoice.refresh_nearest()"))
        yield KEEP, Figure(timed(store.labels.label).seconds)
        enroll(store, library, [task.newcomer])
        yield (
            SPEAKER,
            Figure(quickest(lambda: store.answers.appearances(name(task.newcomer))).seconds),
        )
        yield RELABEL, Figure(timed(store.labels.relabel).seconds)
        yield from nearest(task, self._search(task, exact=True), EXACT, EXACT_P95)
        server = store.database.server
        held = partial(server_bytes, server) if server else None
        yield from building(store.index.build, held)
        yield INDEX_SIZE, Figure(sum(each.bytes for each in store.index.status()), "bytes")
        yield ROUND_TRIP, Figure(quickest(self._ask_nothing).seconds)
        yield from by_index(task, {ITS_OWN: self._search(task, exact=False)}, numbers(task))

    def _search(self, task: Task, *, exact: bool) -> Search[list[SimilarSegment]]:
        asked = {query: key_and_span(task, query) for query in task.queries}

        def search(query: int) -> list[SimilarSegment]:
            video, span = asked[query]
            return self._store.answers.similar(video, span, limit=task.nearest, exact=exact)

        return search

    def _ask_nothing(self) -> None:
        with self._store.database.engine.connect() as connection:
            connection.execute(text("SELECT 1"))

    def _timed(self, statement: str) -> float:
        return timed(lambda: self._run(statement)).seconds

    def _run(self, statement: str) -> None:
        with self._store.database.engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").execute(text(statement))


def key_and_span(task: Task, query: int) -> tuple[str, Span]:
    """Where the segment with this number is."""
    video = task.library.video(query // task.library.video_segments)
    span = video.spans[query % task.library.video_segments]
    return video.key, (span.start_s, span.end_s)


def numbers(task: Task) -> Callable[[list[SimilarSegment]], Found]:
    """Converts found segments to their numbers, which follow the starts within a video."""
    starts: dict[int, Found] = {}

    def number(found: SimilarSegment) -> int:
        video = int(found.video.removeprefix(PREFIX))
        if video not in starts:
            spans = task.library.video(video).spans
            starts[video] = np.array([span.start_ms for span in spans])
        place = np.searchsorted(starts[video], round(found.start * 1000))
        return video * task.library.video_segments + int(place)

    return lambda found: np.array([number(one) for one in found])
