"""Waveforms of one length through CAM++: Kaldi's filter banks, then the network, in batches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torchaudio.compliance import kaldi

from pgvoice.hooks.encoder import Embeddings, Waveform
from pgvoice.hooks.encoders.campplus_network import MELS, Campplus
from pgvoice.hooks.encoders.packing import frame_budget, run_within

SAMPLE_RATE = 16_000
#: Of the head's two-dimensional activations, generously.
BYTES_PER_FRAME = 4 * 5 * 32 * MELS


class BatchedCampplus:
    """The network on its device; takes only waveforms of equal length."""

    def __init__(self, network: Campplus, device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)
        self.network = network.to(self.device)

    def encode(self, waveforms: Sequence[Waveform]) -> Embeddings:
        """Rows ``(segments, dimension)``, in order, not yet of unit length."""
        frames = [waveforms[0].size * 100 // SAMPLE_RATE] * len(waveforms)
        budget = frame_budget(self.device, BYTES_PER_FRAME)
        rows = run_within(budget, frames, lambda part: self._run(waveforms[part]))
        return torch.cat(rows).numpy()

    @torch.inference_mode()
    def _run(self, waveforms: Sequence[Waveform]) -> Tensor:
        samples = torch.from_numpy(np.stack(waveforms)).to(self.device)
        vectors: Tensor = self.network(torch.stack([features(row) for row in samples]))
        return vectors.cpu()


def features(samples: Tensor) -> Tensor:
    """Log mel energies ``(frames, MELS)`` of samples in [-1, 1], each band's mean subtracted.

    Kaldi's: 25 ms every 10 ms, povey window, preemphasis .97, 20 to 8000 Hz, no dither; as
    3D-Speaker trains with, which leaves samples in [-1, 1].
    """
    mels: Tensor = kaldi.fbank(samples[None], num_mel_bins=MELS, sample_frequency=SAMPLE_RATE)
    return mels - mels.mean(0)
