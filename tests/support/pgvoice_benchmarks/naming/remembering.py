"""An encoder that computes each waveform once, however many libraries it is filled into."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pgvoice.hooks import Encoder
from pgvoice.hooks.encoders.encoder import Embeddings, Waveform
from pgvoice.store.recordings.encoders import EncoderIdentity, Threshold


class Remembering:
    """Another encoder's vectors, kept by the samples of their waveforms."""

    def __init__(self, encoder: Encoder, file: Path | None = None) -> None:
        """`file` keeps the vectors from one run to the next."""
        self._encoder = encoder
        self._file = file
        self._vectors: dict[bytes, NDArray[np.float32]] = {}
        if file is not None and file.exists():
            self._vectors = pickle.loads(file.read_bytes())
        self._kept = len(self._vectors)

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
        """Nothing: the weights are loaded if a waveform is new."""

    def encode(self, waveforms: Sequence[Waveform]) -> Embeddings:
        names = [hashlib.sha256(one.tobytes()).digest() for one in waveforms]
        new = [at for at, name in enumerate(names) if name not in self._vectors]
        if new:
            found = self._encoder.encode([waveforms[at] for at in new])
            self._vectors.update((names[at], row) for at, row in zip(new, found, strict=True))
        return np.stack([self._vectors[name] for name in names])

    def keep(self) -> None:
        """Write the file, if there is one and there is something new."""
        if self._file is not None and len(self._vectors) > self._kept:
            self._file.write_bytes(pickle.dumps(self._vectors))
            self._kept = len(self._vectors)
