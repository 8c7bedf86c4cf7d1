"""The base of the built-in encoders: the network is loaded on first use, once for all threads."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from pgvoice.hooks.encoders.encoder import Embeddings, Waveform
from pgvoice.hooks.encoders.torch_pair import load_torchaudio
from pgvoice.hooks.encoders.waveforms import check_waveforms
from pgvoice.hooks.errors import EncoderUnavailable, needs_extra
from pgvoice.store.recordings.encoders import EncoderIdentity, Threshold

if TYPE_CHECKING:
    from pgvoice.hooks.encoders.packing.packed_network import PackedNetwork

SAMPLE_RATE = 16_000


class LazyEncoder(ABC):
    """An encoder for audio at 16 kHz that packs segments of any length end to end."""

    default_threshold: Threshold
    min_samples: int
    #: Of the network's products.
    precision = "ieee"

    def __init__(self, device: str | None = None) -> None:
        self._wanted_device = device
        self._lock = Lock()
        self._network: PackedNetwork | None = None

    @property
    @abstractmethod
    def identity(self) -> EncoderIdentity: ...

    @property
    def batch_samples(self) -> int:
        return batch_seconds(self.device) * SAMPLE_RATE

    @cached_property
    def device(self) -> str:
        return choose_device(self._wanted_device)

    def load(self) -> None:
        self._loaded()

    def encode(self, waveforms: Sequence[Waveform]) -> Embeddings:
        check_waveforms(waveforms, self.min_samples)
        if not waveforms:
            return np.empty((0, self.identity.dimension), np.float32)
        return self._loaded().encode(waveforms)

    def has_weights(self) -> bool:
        """Whether the weights are on this machine; without them, the first fill downloads them."""
        return True

    def untrained(self) -> PackedNetwork:
        """The network with random weights, to try out all else; raises `EncoderUnavailable`."""
        raise EncoderUnavailable(f"the weights of {self.identity} come with a package")

    def _loaded(self) -> PackedNetwork:
        with self._lock:
            if self._network is None:
                load_torchaudio()
                self._network = self._load()
                self._network.precision = self.precision
            return self._network

    def _fitted(
        self, build: Callable[[str], PackedNetwork], kind: type[PackedNetwork]
    ) -> PackedNetwork:
        """The network of this kind, from its kernels; on a CPU, with those that suit it best."""
        from pgvoice.hooks.encoders.packing.trial import fitted

        if self.device != "cpu" or self.precision != "ieee":  # the other kernels have float32 only
            return build(kind.KERNELS[0])
        return fitted(build, kind)

    @property
    def chosen(self) -> str:
        """How the loaded network runs, in words; empty if nothing was chosen."""
        return self._network.chosen if self._network else ""

    @abstractmethod
    def _load(self) -> PackedNetwork:
        """The network on its device; raises `EncoderUnavailable` if its weights are missing."""


def choose_device(wanted: str | None = None) -> str:
    """The requested device, else the first available of ``cuda:0``, ``mps`` and ``cpu``.

    Imports torch. Raises `EncoderUnavailable` for an unknown or missing device.
    """
    if wanted is None:
        return next(name for name in ("cuda:0", "mps", "cpu") if _present(name))
    name = "cuda:0" if wanted == "cuda" else wanted
    if not _present(name):
        raise EncoderUnavailable(
            f"this machine has no device {wanted!r}; leave the device out, or choose one of: "
            + ", ".join(_all_present())
        )
    return name


def batch_seconds(device: str) -> int:
    """Seconds of audio that are stored together at most; on a CPU several calls make a batch."""
    return 300 if device == "cpu" else 1800


def _present(name: str) -> bool:
    with needs_extra("extract"):
        import torch
    if name in ("cpu", "mps"):
        return name == "cpu" or torch.backends.mps.is_available()
    kind, _, index = name.partition(":")
    return kind == "cuda" and index.isdecimal() and int(index) < torch.cuda.device_count()


def _all_present() -> list[str]:
    import torch

    cards = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    return [*cards, *(name for name in ("mps", "cpu") if _present(name))]
