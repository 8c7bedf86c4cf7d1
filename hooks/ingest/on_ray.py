"""A pool of actors on a Ray cluster, each with a GPU or some cores."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections import Counter
from concurrent.futures import Future
from contextlib import ExitStack
from functools import cached_property
from typing import Any

from pgvoice.hooks.errors import ClusterUnavailable, needs_extra
from pgvoice.hooks.ingest import local_clusters
from pgvoice.hooks.ingest.engine import Pool
from pgvoice.hooks.ingest.manifest import ManifestRow
from pgvoice.hooks.ingest.worker import MakeEncoder, MakeSegmenter, Worker
from pgvoice.hooks.segmenters.registry import make_segmenter
from pgvoice.store.upkeep.ingests import Outcome
from pgvoice.store.voice_store import VoiceStore

#: The address of a temporary cluster on this machine only.
LOCAL = "local"


class RayActors(Pool):
    """An actor for each GPU of the cluster, or for every `cores` CPU cores; or `workers` actors.

    `address` is that of `ray.init`: a host and port, ``auto``, ``ray://…``, or ``local``, a cluster
    that only this process on this machine can use. If the program is already connected to a
    cluster, that one is used and stays connected.

    Raises `ClusterUnavailable`.
    """

    def __init__(
        self,
        store: VoiceStore,
        make: MakeEncoder,
        address: str,
        workers: int | None = None,
        cores: int = 1,
        segmenter: MakeSegmenter = make_segmenter,
    ) -> None:
        super().__init__(store, make, segmenter)
        self._address, self._wanted, self._cores = address, workers, cores
        self._actors: list[Any] = []
        #: The actors of the recordings under way.
        self._by: dict[Future[Outcome], Any] = {}
        self._connected = False
        self._ends = ExitStack()

    @cached_property
    def died(self) -> tuple[type[BaseException], ...]:  # type: ignore[override]
        return (self._ray.exceptions.RayActorError,)

    def close(self) -> None:
        if self._connected:
            self._ray.shutdown()
            self._connected = False
        self._ends.close()

    def workers(self) -> int:
        return self._wanted or self._gpus or max(1, self._resources("CPU") // self._cores)

    def submit(self, row: ManifestRow) -> Future[Outcome]:
        actor = self._least_busy()
        future: Future[Outcome] = actor.fill.remote(row, self.segmenter_of(row)).future()
        self._by[future] = actor
        future.add_done_callback(self._ended)
        return future

    def replace(self, lost: Future[Outcome]) -> None:
        actor = self._by.pop(lost)
        self._actors = [each for each in self._actors if each is not actor]

    def _least_busy(self) -> Any:
        busy = Counter(map(id, list(self._by.values())))
        if all(busy[id(each)] for each in self._actors) and len(self._actors) < self.workers():
            self._actors.append(self._new_actor())
        return min(self._actors, key=lambda each: busy[id(each)])

    def _ended(self, future: Future[Outcome]) -> None:
        if future.exception() is None:
            del self._by[future]

    def _new_actor(self) -> Any:
        actor = self._ray.remote(Worker).options(
            num_cpus=self._cores, num_gpus=1 if self._gpus else 0
        )
        return actor.remote(*self.worker_arguments())

    @cached_property
    def _gpus(self) -> int:
        return self._resources("GPU")

    def _resources(self, kind: str) -> int:
        return int(self._ray.cluster_resources().get(kind, 0))

    @cached_property
    def _ray(self) -> Any:
        """The package Ray, connected to the cluster."""
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        if self._address == LOCAL and not _is_connected():
            self._ends.enter_context(local_clusters.private())
        with needs_extra("ray", ClusterUnavailable):
            import ray
        if not ray.is_initialized():
            self._connect(ray)
        return ray

    def _connect(self, ray: Any) -> None:
        # Ray replaces this process's handler of SIGTERM.
        ends = signal.getsignal(signal.SIGTERM)
        cores = max(os.cpu_count() or 1, (self._wanted or 0) * self._cores)
        alone = {"num_cpus": cores, "include_dashboard": False}
        if self._address == LOCAL:
            local_clusters.configure(ray)
        try:
            ray.init(
                self._address,
                logging_level=logging.ERROR,
                log_to_driver=False,
                **(alone if self._address == LOCAL else {}),
            )
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise ClusterUnavailable(
                f"no Ray cluster answers at {self._address} ({error}); start one with "
                f"`ray start --head`, or use {LOCAL} for a cluster on this machine only"
            ) from error
        finally:
            signal.signal(signal.SIGTERM, ends)
        self._connected = True
        if self._address == LOCAL:
            local_clusters.check(ray)


def _is_connected() -> bool:
    """Whether the program is already connected to a cluster."""
    return "ray" in sys.modules and bool(sys.modules["ray"].is_initialized())
