"""What encoders share whose network is loaded when it is needed first, once for all threads."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from threading import Lock
from typing import Generic, TypeVar

from pgvoice.hooks.encoders.devices import batch_seconds, choose_device

SAMPLE_RATE = 16_000
Network = TypeVar("Network")


class LazyEncoder(ABC, Generic[Network]):
    """Device, batch size and loading of an encoder of 16 kHz."""

    def __init__(self, device: str | None) -> None:
        self._wanted_device = device
        self._lock = Lock()
        self._network: Network | None = None

    @property
    def batch_samples(self) -> int:
        return batch_seconds(self.device) * SAMPLE_RATE

    @cached_property
    def device(self) -> str:
        return choose_device(self._wanted_device)

    def load(self) -> None:
        self.network()

    def network(self) -> Network:
        """On its device; raises `EncoderUnavailable` when the weights cannot be had."""
        with self._lock:
            if self._network is None:
                self._network = self._load()
            return self._network

    @abstractmethod
    def _load(self) -> Network: ...
