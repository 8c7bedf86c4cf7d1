"""Engines fill the recordings of an ingest: in this process, or by a pool of workers."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sized
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import cached_property, partial
from typing import Self

from pgvoice.hooks.encoders.encoder import Encoder
from pgvoice.hooks.errors import EncoderUnavailable, InvalidSegments
from pgvoice.hooks.fill.fill import fill
from pgvoice.hooks.ingest.manifest import ManifestRow
from pgvoice.hooks.turns import snap_turns
from pgvoice.store.database.urls import libpq_url
from pgvoice.store.errors import PgvoiceError
from pgvoice.store.recordings.encoders import EncoderIdentity
from pgvoice.store.upkeep.ingests import Outcome
from pgvoice.store.voice_store import VoiceStore

#: Makes the encoder, in the process that needs it.
MakeEncoder = Callable[[], Encoder]
#: The least working time of a recording that was begun, in seconds.
INSTANT = 1e-6


class Worker:
    """Fills recordings one after the other; loads the model for the first that misses something.

    Its encoder must be the `expected` one, by which complete recordings were found.
    """

    def __init__(
        self, connect: Callable[[], VoiceStore], make: MakeEncoder, expected: EncoderIdentity
    ) -> None:
        self._connect, self._make, self._expected = connect, make, expected

    def fill(self, row: ManifestRow) -> Outcome:
        """Fill a recording; if it cannot be filled, the outcome says why and nothing is raised."""
        start, invalid = time.monotonic(), None
        try:
            turns = row.turns()
            report = fill(
                self._store,
                self._encoder,
                video=row.video,
                audio=row.audio,
                segments=turns,
                source=row.source,
            )
        except InvalidSegments as error:
            report, invalid = error.report, str(error)
        except (PgvoiceError, OSError, MemoryError, RuntimeError, ValueError) as error:
            return Outcome(
                row.video, f"{type(error).__name__}: {error}", work_seconds=_since(start)
            )
        run, speech = report.run, 0.0
        if run.filled:
            keys = snap_turns(turns, self._store.grid_ms).distinct
            speech = sum(key.duration_ms for key in keys) / 1000 * run.filled / run.requested
        return Outcome(row.video, None, run.requested, run.filled, speech, _since(start), invalid)

    @cached_property
    def _store(self) -> VoiceStore:
        return self._connect()

    @cached_property
    def _encoder(self) -> Encoder:
        encoder = self._make()
        if encoder.identity != self._expected:
            raise EncoderUnavailable(
                f"a worker has the encoder {encoder.identity} instead of {self._expected}; install"
                " the same pgvoice, plugins and weights on every machine"
            )
        return encoder


def _since(start: float) -> float:
    return max(time.monotonic() - start, INSTANT)


#: Recordings submitted per worker, so that none is idle.
AHEAD = 2
#: Recordings with their outcomes, in the order in which they end.
Filled = Iterator[tuple[ManifestRow, Outcome]]
Stop = Callable[[], bool]


class Engine(ABC):
    """Fills recordings of a store, with encoders that each worker makes for itself."""

    def __init__(self, store: VoiceStore, make: MakeEncoder) -> None:
        self.store, self.make = store, make

    @cached_property
    def identity(self) -> EncoderIdentity:
        """The identity that every worker's encoder must have."""
        return self.make().identity

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

    def fill(self, rows: Iterable[ManifestRow], stop: Stop) -> Filled:
        for row in rows:
            if stop():
                return
            yield row, self._worker.fill(row)

    @cached_property
    def _worker(self) -> Worker:
        return Worker(lambda: self.store, self.make, self.identity)


class Pool(Engine):
    """Workers in other processes, each with a few recordings; workers that die are replaced."""

    #: The errors of a future whose worker died.
    died: tuple[type[BaseException], ...]

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

    def worker_arguments(self) -> tuple[Callable[[], VoiceStore], MakeEncoder, EncoderIdentity]:
        """For a `Worker` in another process; they include the password, so never show them."""
        url = libpq_url(self.store.database.url, hide_password=False)
        return partial(VoiceStore.open, url), self.make, self.identity


class Processes(Pool):
    """Processes with a model and connections each; if one dies, all are replaced."""

    died = (BrokenProcessPool,)

    def __init__(self, store: VoiceStore, make: MakeEncoder, workers: int) -> None:
        super().__init__(store, make)
        self._workers = workers
        self._pool: ProcessPoolExecutor | None = None

    def workers(self) -> int:
        return self._workers

    def submit(self, row: ManifestRow) -> Future[Outcome]:
        if self._pool is None:
            self._pool = self._started()
        try:
            return self._pool.submit(_fill, row)
        except BrokenProcessPool:
            self.close()
            return self.submit(row)

    def replace(self, lost: Future[Outcome]) -> None:
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


#: The worker of this process of a pool.
_worker: Worker | None = None


def _begin(worker: Worker, threads: int) -> None:
    """Keep the worker of a new process."""
    global _worker
    # The process that started it decides when it ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    if torch := sys.modules.get("torch"):  # torch has read the variable already
        torch.set_num_threads(threads)
    _worker = worker


def _fill(row: ManifestRow) -> Outcome:
    """Fill a recording by the worker that `_begin` kept."""
    assert _worker is not None  # noqa: S101 - `_begin` ran first
    return _worker.fill(row)
