"""Who fills the recordings of a backfill: this process, or a pool of workers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sized
from concurrent.futures import FIRST_COMPLETED, Future, wait
from functools import cached_property
from typing import Self

from pgvoice.hooks.backfill.manifest import ManifestRow
from pgvoice.hooks.backfill.worker import INSTANT, MakeEncoder, Worker
from pgvoice.store.recordings.encoders import EncoderIdentity
from pgvoice.store.upkeep.backfill_rows import Outcome
from pgvoice.store.voice_store import VoiceStore

#: Recordings that wait at each worker, so that none is idle.
AHEAD = 2
#: Recordings with what came of them, in the order in which they end.
Filled = Iterator[tuple[ManifestRow, Outcome]]
Stop = Callable[[], bool]


class Engine(ABC):
    """Fills recordings of a store, with encoders that are made where they work."""

    def __init__(self, store: VoiceStore, make: MakeEncoder) -> None:
        self.store, self.make = store, make

    @cached_property
    def identity(self) -> EncoderIdentity:
        """Of the encoder, wherever it is made."""
        return self.make().identity

    @abstractmethod
    def fill(self, rows: Iterable[ManifestRow], stop: Stop) -> Filled:
        """Fill them; when `stop` says so, those under way are ended and no others begun."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @abstractmethod
    def close(self) -> None:
        """End the workers, if there are any."""


class Here(Engine):
    """Without workers, one recording after the other."""

    def close(self) -> None:
        """Nothing was opened."""

    def fill(self, rows: Iterable[ManifestRow], stop: Stop) -> Filled:
        for row in rows:
            if stop():
                return
            yield row, self._worker.fill(row)

    @cached_property
    def _worker(self) -> Worker:
        return Worker(lambda: self.store, self.make, self.identity)


class Pool(Engine):
    """Workers elsewhere, of which each has a few recordings at most; who dies is replaced."""

    #: What a future raises when its worker died.
    died: tuple[type[BaseException], ...]

    @abstractmethod
    def workers(self) -> int:
        """How many work at once."""

    @abstractmethod
    def submit(self, row: ManifestRow) -> Future[Outcome]:
        """Have it filled."""

    @abstractmethod
    def replace(self, lost: Future[Outcome]) -> None:
        """Have another worker in the place of one that died."""

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
        """As many as there is room for; workers are made for the first, and not for none."""
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
        """Where workers find the store; with the password, so nowhere to be shown."""
        url: str = self.store.database.engine.url.render_as_string(hide_password=False)
        return url
