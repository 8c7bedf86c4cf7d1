"""SpeechBrain's filter banks for a tape of segments: decibels in mel bands, mean subtracted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from pgvoice.hooks.encoders.accelerators import sent
from pgvoice.hooks.encoders.encoder import Waveform
from pgvoice.hooks.encoders.packing.packing import frames_laid, lay
from pgvoice.hooks.encoders.packing.tapes import Tape


class TapeFeatures:
    """SpeechBrain's `Fbank`, then ``InputNormalization(norm_type="sentence", std_norm=False)``."""

    def __init__(self, fbank: Any, device: torch.device) -> None:
        stft, mel = fbank.compute_STFT, fbank.compute_fbanks
        self.hop: int = stft.hop_length
        self.size: int = stft.n_fft
        self.window: Tensor = stft.window.to(device)
        self.mel = _mel_matrix(mel).to(device)
        self.floor: float = mel.amin
        self.range_db: float = mel.top_db

    def frames(self, samples: int) -> int:
        """A frame is centred on every hop, the first on the first sample."""
        return samples // self.hop + 1

    def __call__(self, waveforms: Sequence[Waveform]) -> tuple[Tensor, Tape]:
        """Features ``(frames, mels)`` and where each waveform's frames lie."""
        tape = Tape([self.frames(waveform.size) for waveform in waveforms], self.window.device)
        decibels = self._decibels(waveforms, tape)
        floors = tape.maxima(decibels.amax(1, keepdim=True)) - self.range_db
        for floor, segment in tape.beside(floors, decibels):
            segment.clamp_(min=floor)
        for mean, segment in tape.beside(tape.means(decibels), decibels):
            segment.sub_(mean)
        return decibels, tape

    def _decibels(self, waveforms: Sequence[Waveform], tape: Tape) -> Tensor:
        """Ten times the decimal logarithm of the mel energies, ``(frames, mels)``."""
        samples, starts = lay(waveforms, self.hop, self.size // 2)
        spectrum = torch.stft(
            sent(torch.from_numpy(samples), tape.device),
            self.size,
            self.hop,
            window=self.window,
            center=False,
            return_complex=True,
        )
        power = torch.view_as_real(spectrum.t()).square().sum(-1)
        energies = power.index_select(0, frames_laid(tape, starts)) @ self.mel
        return energies.clamp_(min=self.floor).log10_().mul_(10)


def _mel_matrix(mel: Any) -> Tensor:
    """SpeechBrain's filters as one matrix ``(frequencies, mels)``."""
    shape = mel.all_freqs_mat.t().shape
    central, band = mel.f_central.expand(shape).t(), mel.band.expand(shape).t()
    matrix: Tensor = mel._create_fbank_matrix(central, band)
    return matrix.contiguous()
