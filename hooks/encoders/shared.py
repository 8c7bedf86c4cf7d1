"""``SharedEncoder``: one encoder for several threads."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock

from pgvoice.hooks.encoders.encoder import Embeddings, Encoder, Waveform
from pgvoice.store.recordings.encoders import EncoderIdentity, Threshold


class SharedEncoder:
    """An encoder that is loaded once, and called by one thread at a time."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._lock = Lock()
        self._loaded = False

    @property
    def identity(self) -> EncoderIdentity:
        return self._encoder.identity

    @property
    def default_threshold(self) -> Threshold:
        return self._encoder.default_threshold

    @property
    def min_samples(self) -> int:
        return self._encoder.min_samples

    @property
    def batch_samples(self) -> int:
        return self._encoder.batch_samples

    @property
    def device(self) -> str:
        return self._encoder.device

    def load(self) -> None:
        with self._lock:
            self._load_once()

    def encode(self, waveforms: Sequence[Waveform]) -> Embeddings:
        with self._lock:
            self._load_once()
            return self._encoder.encode(waveforms)

    def _load_once(self) -> None:
        if not self._loaded:
            self._encoder.load()
            self._loaded = True
