"""Engines fill the recordings of an ingest: in this process, or by a pool of workers."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import cached_property, partial
from threading import Thread
from types import MappingProxyType
from typing import Self
from weakref import WeakSet

from pgvoice.hooks.encoders.encoder import Encoder
from pgvoice.hooks.ingest.manifest import ManifestRow
from pgvoice.hooks.ingest.steps import OnStep, Step, ignore
from pgvoice.hooks.ingest.worker import INSTANT, MakeEncoder, MakeSegmenter, Worker
from pgvoice.hooks.segmenters.registry import make_segmenter
from pgvoice.hooks.segmenters.segmenter import SegmenterIdentity
from pgvoice.store.database.urls import libpq_url
from pgvoice.store.recordings.encoders import EncoderIdentity
from pgvoice.store.upkeep.ingests import Outcome
from pgvoice.store.voice_store import VoiceStore

#: Recordings submitted per worker, so that none is idle.
AHEAD = 2
#: Recordings with their outcomes, in the order in which they end.
Filled = Iterator[tuple[ManifestRow, Outcome]]
Stop = Callable[[], bool]


class Engine(ABC):
    """Fills recordings of a store, with models that each worker makes for itself."""

    def __init__(
        self, store: VoiceStore, make: MakeEncoder, segmenter: MakeSegmenter = make_segmenter
    ) -> None:
        self.store, self.make, self.make_segmenter = store, make, segmenter

    @cached_property
    def encoder(self) -> Encoder:
        """The encoder of this process, which is made once."""
        return self.make()

    @cached_property
    def identity(self) -> EncoderIdentity:
        """The identity that every worker's encoder must have."""
        return self.encoder.identity

    @cached_property
    def segmenter(self) -> SegmenterIdentity:
        """The identity that every worker's segmenter must have, if any recording needs one."""
        return self.make_segmenter().identity

    def segmenter_of(self, row: ManifestRow) -> SegmenterIdentity | None:
        """The segmenter that a recording needs."""
        return self.segmenter if row.needs_segmenter else None

    #: Called with each step of a recording that this process fills.
    on_step: OnStep = staticmethod(ignore)

    @property
    @abstractmethod
    def steps(self) -> list[Step]:
        """What is being done; another thread may ask."""

    @abstractmethod
    def fill(self, rows: Iterable[ManifestRow], stop: Stop) -> Filled:
        """Fill recordings; once `stop` is true, finish those under way and begin no others."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:  # noqa: B027 - not every engine has workers
        """End the workers, if there are any."""


class Here(Engine):
    """Fills one recording after the other in this process."""

    _step: Step | None = None

    def fill(self, rows: Iterable[ManifestRow], stop: Stop) -> Filled:
        for row in rows:
            if stop():
                return
            self._follow(Step(row.video))
            yield row, self._worker.fill(row, self.segmenter_of(row), self._follow)
        self._step = None

    @property
    def steps(self) -> list[Step]:
        return [self._step] if self._step else []

    def _follow(self, step: Step) -> None:
        self._step = step
        self.on_step(step)

    @cached_property
    def _worker(self) -> Worker:
        return Worker(lambda: self.store, lambda: self.encoder, self.identity, self.make_segmenter)


class Pool(Engine):
    """Workers in other processes, each with a few recordings; workers that die are replaced."""

    #: The errors of a future whose worker died.
    died: tuple[type[BaseException], ...]
    #: What each worker fills, or fills next.
    _under_way: Mapping[Future[Outcome], ManifestRow] = MappingProxyType({})

    @property
    def steps(self) -> list[Step]:
        rows = list(self._under_way.values())
        return [Step(row.video) for row in rows[: self.workers()]] if rows else []

    @abstractmethod
    def workers(self) -> int:
        """The number of workers."""

    @abstractmethod
    def submit(self, row: ManifestRow) -> Future[Outcome]:
        """Let a worker fill a recording."""

    @abstractmethod
    def replace(self, lost: Future[Outcome]) -> None:
        """Replace the worker that died, by its future."""

    def fill(self, rows: Iterable[ManifestRow], stop: Stop) -> Filled:
        left, under_way = iter(rows), dict[Future[Outcome], ManifestRow]()
        self._under_way = under_way
        while True:
            for row in self._next(left, under_way, stop):
                under_way[self.submit(row)] = row
            if not under_way:
                return
            for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                row = under_way.pop(future)
                yield row, self._outcome(row, future)

    def _next(
        self, left: Iterator[ManifestRow], under_way: Sized, stop: Stop
    ) -> Iterator[ManifestRow]:
        """Recordings while there is room; without any, the workers are never started."""
        while not stop() and (not under_way or len(under_way) < AHEAD * self.workers()):
            row = next(left, None)
            if row is None:
                return
            yield row

    def _outcome(self, row: ManifestRow, future: Future[Outcome]) -> Outcome:
        try:
            return future.result()
        except self.died as error:
            self.replace(future)
            *_, why = str(error).strip().splitlines()
            return Outcome(row.video, f"a worker died: {why.strip()}", work_seconds=INSTANT)

    def worker_arguments(
        self,
    ) -> tuple[Callable[[], VoiceStore], MakeEncoder, EncoderIdentity, MakeSegmenter]:
        """For a `Worker` in another process; they include the password, so never show them."""
        url = libpq_url(self.store.database.url, hide_password=False)
        return partial(VoiceStore.open, url), self.make, self.identity, self.make_segmenter


class Processes(Pool):
    """Processes with a model and connections each; if one dies, all are replaced."""

    died = (BrokenProcessPool,)

    def __init__(
        self,
        store: VoiceStore,
        make: MakeEncoder,
        workers: int,
        segmenter: MakeSegmenter = make_segmenter,
    ) -> None:
        super().__init__(store, make, segmenter)
        self._workers = workers
        self._pool: ProcessPoolExecutor | None = None
        #: Those that the pool was given.
        self._submitted = WeakSet[Future[Outcome]]()

    def workers(self) -> int:
        return self._workers

    def submit(self, row: ManifestRow) -> Future[Outcome]:
        if self._pool is None:
            self._pool = self._started()
        try:
            future = self._pool.submit(_fill, row, self.segmenter_of(row))
        except BrokenProcessPool:
            self.close()
            return self.submit(row)
        self._submitted.add(future)
        return future

    def replace(self, lost: Future[Outcome]) -> None:
        # What else a pool was given when it broke ends later; there may be a new one by then.
        if lost in self._submitted:
            self.close()

    def _started(self) -> ProcessPoolExecutor:
        threads = max(1, (os.cpu_count() or 1) // self._workers)
        return ProcessPoolExecutor(
            self._workers,
            multiprocessing.get_context("spawn"),
            _begin,
            (Worker(*self.worker_arguments()), threads),
        )

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None
            self._submitted.clear()


#: The worker of this process of a pool.
_worker: Worker | None = None


def _begin(worker: Worker, threads: int) -> None:
    """Keep the worker of a new process."""
    global _worker
    # The process that started it decides when it ends, or ends it by dying.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    if torch := sys.modules.get("torch"):  # torch has read the variable already
        torch.set_num_threads(threads)
    _worker = worker


def _end_with_parent() -> None:
    """End this process once its parent is gone; a fill goes on from what is committed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _fill(row: ManifestRow, segmenter: SegmenterIdentity | None) -> Outcome:
    """Fill a recording by the worker that `_begin` kept."""
    assert _worker is not None  # noqa: S101 - `_begin` ran first
    return _worker.fill(row, segmenter)
