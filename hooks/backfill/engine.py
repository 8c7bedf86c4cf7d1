"""Engines, which fill the recordings of a backfill: in this process, or by a pool of workers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sized
from concurrent.futures import FIRST_COMPLETED, Future, wait
from functools import cached_property
from typing import Self

from pgvoice.hooks.backfill.manifest import ManifestRow
from pgvoice.hooks.backfill.worker import INSTANT, MakeEncoder, Worker
from pgvoice.store.recordings.encoders import EncoderIdentity
from pgvoice.store.upkeep.backfills import Outcome
from pgvoice.store.voice_store import VoiceStore

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

    def url(self) -> str:
        """The URL of the store for workers; it includes the password, so never show it."""
        url: str = self.store.database.engine.url.render_as_string(hide_password=False)
        return url
