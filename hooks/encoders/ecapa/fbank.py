"""SpeechBrain's filter banks for a tape of segments."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from pgvoice.hooks.encoders.packing.features import TapeFeatures
from pgvoice.hooks.encoders.packing.tapes import Tape


class SpeechBrainFeatures(TapeFeatures):
    """SpeechBrain's `Fbank`, then ``InputNormalization(norm_type="sentence", std_norm=False)``.

    A frame is centred on every hop, the first one on the first sample.
    """

    def __init__(self, fbank: Any, device: torch.device) -> None:
        stft, mel = fbank.compute_STFT, fbank.compute_fbanks
        super().__init__(stft.n_fft, stft.hop_length, stft.n_fft // 2, device)
        self.window: Tensor = stft.window.to(device)
        self.mel = _mel_matrix(mel).to(device)
        self.floor: float = mel.amin
        self.range_db: float = mel.top_db

    def _features(self, samples: Tensor, hops: Tensor, tape: Tape) -> Tensor:
        """Decibels in mel bands, at most `range_db` below the segment's loudest."""
        spectrum = torch.stft(
            samples, self.size, self.hop, window=self.window, center=False, return_complex=True
        )
        power = torch.view_as_real(spectrum.t()).square().sum(-1)
        energies = power.index_select(0, hops) @ self.mel
        decibels = energies.clamp_(min=self.floor).log10_().mul_(10)
        floors = tape.maxima(decibels.amax(1, keepdim=True)) - self.range_db
        for floor, segment in tape.beside(floors, decibels):
            segment.clamp_(min=floor)
        return decibels


def _mel_matrix(mel: Any) -> Tensor:
    """SpeechBrain's filters as one matrix ``(frequencies, mels)``."""
    shape = mel.all_freqs_mat.t().shape
    central, band = mel.f_central.expand(shape).t(), mel.band.expand(shape).t()
    matrix: Tensor = mel._create_fbank_matrix(central, band)
    return matrix.contiguous()
