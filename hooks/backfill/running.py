"""A backfill: what is complete is seen in bulk, the rest is filled by some processes."""

from __future__ import annotations

import multiprocessing
import os
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from itertools import islice

from pgvoice.hooks.backfill.manifest import ManifestRow
from pgvoice.hooks.backfill.worker import MakeEncoder, Worker, begin, fill_here
from pgvoice.hooks.errors import FormatError
from pgvoice.store.backfills import Outcome
from pgvoice.store.keys import SegmentKey, snap_segments
from pgvoice.store.voice_store import VoiceStore

#: Recordings that are looked at in one statement.
CHUNK = 500
#: Recordings that wait at each process, so that none is idle.
AHEAD = 2


@dataclass(slots=True)
class BackfillReport:
    """What a backfill did."""

    #: Recordings that were complete before.
    complete: int = 0
    filled: int = 0
    #: Vectors that were computed.
    vectors: int = 0
    failed: list[Outcome] = field(default_factory=list)
    #: Whether it was stopped before the end of the manifest.
    stopped: bool = False

    @property
    def videos(self) -> int:
        return self.complete + self.filled + len(self.failed)


#: Told after each recording, and after each chunk that was complete.
OnProgress = Callable[[BackfillReport], None]


def backfill(
    store: VoiceStore,
    make: MakeEncoder,
    name: str,
    rows: Iterable[ManifestRow],
    *,
    workers: int = 1,
    retries: int = 2,
    limit: int | None = None,
    shard: tuple[int, int] = (1, 1),
    stop: Callable[[], bool] = lambda: False,
    on_progress: OnProgress = lambda _report: None,
) -> BackfillReport:
    """Fill the recordings of a manifest; what the store has already is seen in bulk.

    The state is in the store alone: a backfill that died, or runs again, does what is missing. With
    one of `workers` in this process, else in so many of their own, each with an encoder of its own,
    that `make` makes there. Recordings that fail are tried `retries` times more, at the end; what
    is wrong is kept with them. No more than `limit` are filled, and of `shard` ``(i, n)`` the i-th
    of n parts, by a hash of the key. When `stop` says so, those under way are ended first.
    """
    encoder = make()
    report = BackfillReport()

    def missing() -> Iterator[ManifestRow]:
        for chunk in _chunks(row for row in rows if _is_of(shard, row.video)):
            store.backfills.expect(name, {row.video: row.document() for row in chunk})
            asked, broken = _keys(store, chunk)
            _settle(store, name, report, broken, on_progress)
            complete = store.backfills.complete(encoder.identity, asked)
            store.backfills.settle(name, [Outcome(video) for video in complete])
            report.complete += len(complete)
            on_progress(report)
            yield from (row for row in chunk if row.video in asked and row.video not in complete)

    wanted = islice(missing(), limit)
    tries: dict[str, int] = {}
    again: deque[ManifestRow] = deque()
    with _filler(store, make, workers) as fill:
        for source in (wanted, _emptied(again)):
            for row, outcome in fill(source, stop):
                tries[row.video] = tries.get(row.video, 0) + 1
                if outcome.error is not None and tries[row.video] <= retries:
                    again.append(row)
                else:
                    _settle(store, name, report, [outcome], on_progress)
    report.stopped = stop()
    return report


def _chunks(rows: Iterator[ManifestRow]) -> Iterator[list[ManifestRow]]:
    while chunk := list(islice(rows, CHUNK)):
        yield list({row.video: row for row in chunk}.values())


def _is_of(shard: tuple[int, int], video: str) -> bool:
    part, parts = shard
    return zlib.crc32(video.encode()) % parts == part - 1


def _emptied(waiting: deque[ManifestRow]) -> Iterator[ManifestRow]:
    while waiting:
        yield waiting.popleft()


def _keys(
    store: VoiceStore, chunk: Sequence[ManifestRow]
) -> tuple[dict[str, list[SegmentKey]], list[Outcome]]:
    """The segments by recording; and recordings whose segments cannot be read."""
    asked: dict[str, list[SegmentKey]] = {}
    broken: list[Outcome] = []
    for row in chunk:
        try:
            asked[row.video] = list(snap_segments(row.spans(), store.grid_ms).distinct)
        except FormatError as error:
            broken.append(Outcome(row.video, str(error)))
    return asked, broken


def _settle(
    store: VoiceStore,
    name: str,
    report: BackfillReport,
    outcomes: Sequence[Outcome],
    on_progress: OnProgress,
) -> None:
    store.backfills.settle(name, outcomes)
    for outcome in outcomes:
        report.vectors += outcome.filled
        if outcome.error is None:
            report.filled += 1
        else:
            report.failed.append(outcome)
        on_progress(report)


class _filler:  # noqa: N801 - a context manager
    """Fills rows here, or in processes of their own that are replaced when they die."""

    def __init__(self, store: VoiceStore, make: MakeEncoder, workers: int) -> None:
        self._store, self._make, self._workers = store, make, workers
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Callable[..., Iterator[tuple[ManifestRow, Outcome]]]:
        return self._here if self._workers == 1 else self._there

    def __exit__(self, *_: object) -> None:
        self._end()

    def _here(
        self, rows: Iterable[ManifestRow], stop: Callable[[], bool]
    ) -> Iterator[tuple[ManifestRow, Outcome]]:
        worker = Worker(self._store, self._make())
        for row in rows:
            if stop():
                return
            yield row, worker.fill(row)

    def _there(
        self, rows: Iterable[ManifestRow], stop: Callable[[], bool]
    ) -> Iterator[tuple[ManifestRow, Outcome]]:
        left, under_way = iter(rows), dict[Future[Outcome], ManifestRow]()
        while True:
            free = 0 if stop() else self._workers * AHEAD - len(under_way)
            for row in islice(left, free):
                under_way[self._submit(row)] = row
            if not under_way:
                return
            for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                row = under_way.pop(future)
                try:
                    yield row, future.result()
                except BrokenProcessPool:
                    self._end()
                    yield row, Outcome(row.video, "a worker died", work_seconds=1e-6)

    def _submit(self, row: ManifestRow) -> Future[Outcome]:
        if self._pool is None:
            threads = max(1, (os.cpu_count() or 1) // self._workers)
            url = self._store.database.engine.url.render_as_string(hide_password=False)
            self._pool = ProcessPoolExecutor(
                self._workers,
                multiprocessing.get_context("spawn"),
                begin,
                (url, self._make, threads),
            )
        try:
            return self._pool.submit(fill_here, row)
        except BrokenProcessPool:
            self._end()
            return self._submit(row)

    def _end(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None
