"""A counting encoder that tells voices of different pitch apart."""

from __future__ import annotations

import numpy as np

from pgvoice.hooks.encoders.encoder import Embeddings, Waveform
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder
from pgvoice_testkit.segmenters.counting_segmenter import PITCHES, RATE


class PitchEncoder(CountingEncoder):
    """Vectors of how loud each of `PITCHES` is, with a little of the band energies."""

    def __init__(self, *, batch_samples: int = 160_000) -> None:
        super().__init__("pitches", batch_samples=batch_samples)

    def _embed(self, waveform: Waveform) -> Embeddings:
        times = np.arange(len(waveform)) / RATE
        waves = np.exp(-2j * np.pi * np.outer(PITCHES, times))
        found = 0.01 * super()._embed(waveform)
        found[: len(PITCHES)] += 20 * np.abs(waves @ waveform) / len(waveform)
        unit: Embeddings = (found / np.linalg.norm(found)).astype(np.float32)
        return unit
