"""A pool of processes on this machine."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial

from pgvoice.hooks.backfill.engine import MakeEncoder, Pool, Worker
from pgvoice.hooks.backfill.manifest import ManifestRow
from pgvoice.store.recordings.encoders import EncoderIdentity
from pgvoice.store.upkeep.backfill_rows import Outcome
from pgvoice.store.voice_store import VoiceStore


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
            (self.url(), self.make, self.identity, threads),
        )

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None


#: The worker of this process of a pool.
_worker: Worker | None = None


def _begin(url: str, make: MakeEncoder, expected: EncoderIdentity, threads: int) -> None:
    """Make the worker of a new process."""
    global _worker
    # The process that started it decides when it ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    if torch := sys.modules.get("torch"):  # torch has read the variable already
        torch.set_num_threads(threads)
    _worker = Worker(partial(VoiceStore.open, url), make, expected)


def _fill(row: ManifestRow) -> Outcome:
    """Fill a recording by the worker that `_begin` made."""
    assert _worker is not None  # noqa: S101 - `_begin` ran first
    return _worker.fill(row)
