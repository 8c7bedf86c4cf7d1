"""One of two fakes: an encoder that counts its calls."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pgvoice.hooks.encoders.encoder import Embeddings, Waveform
from pgvoice.store.recordings.encoders import EncoderIdentity, Threshold


class CountingEncoder:
    """Vectors of band energies: cheap, deterministic, and independent of other waveforms."""

    device = "cpu"
    default_threshold = Threshold(0.9, "made up")

    def __init__(
        self,
        name: str = "counting",
        *,
        revision: str = "sha256:fake",
        dimension: int = 16,
        batch_samples: int = 160_000,
        min_samples: int = 400,
    ) -> None:
        self.identity = EncoderIdentity(name, revision, "1", dimension, 16_000)
        self.batch_samples = batch_samples
        self.min_samples = min_samples
        #: The number of waveforms in each call.
        self.calls: list[int] = []
        self.loads = 0

    def load(self) -> None:
        self.loads += 1

    def encode(self, waveforms: Sequence[Waveform]) -> Embeddings:
        self.calls.append(len(waveforms))
        rows = [self._embed(waveform) for waveform in waveforms]
        return np.array(rows, np.float32).reshape(-1, self.identity.dimension)

    def _embed(self, waveform: Waveform) -> Embeddings:
        spectrum = np.abs(np.fft.rfft(waveform.astype(np.float64), 1 << 16))
        bands = np.array(
            [band.mean() for band in np.array_split(spectrum, self.identity.dimension)]
        )
        unit: Embeddings = (bands / np.linalg.norm(bands)).astype(np.float32)
        return unit
