"""Kaldi's filter banks for a tape of segments: log mel energies, mean subtracted."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from torchaudio.compliance import kaldi

from pgvoice.hooks.encoders.accelerators import sent
from pgvoice.hooks.encoders.encoder import Waveform
from pgvoice.hooks.encoders.packing.packing import frames_laid, lay
from pgvoice.hooks.encoders.packing.tapes import Tape

SAMPLE_RATE = 16_000
#: Samples of a frame, of its Fourier transform, and from one frame to the next.
SIZE, PADDED, HOP = 400, 512, 160
PREEMPHASIS = 0.97
#: What an energy is at least: float32's epsilon.
FLOOR = 1.1920929e-07


class KaldiFeatures:
    """25 ms every 10 ms, povey window, 20 to 8000 Hz, no dither, samples in [-1, 1].

    As 3D-Speaker trains with; ``kaldi.fbank`` of torchaudio takes one waveform at a time.
    """

    def __init__(self, mels: int, device: torch.device) -> None:
        self.device = device
        self.window = torch.hann_window(SIZE, periodic=False).pow(0.85).to(device)
        bands, _ = kaldi.get_mel_banks(mels, PADDED, SAMPLE_RATE, 20.0, 0.0, 100.0, -500.0, 1.0)
        self.mel = F.pad(bands, (0, 1)).t().contiguous().to(device)

    def frames(self, samples: int) -> int:
        """A frame lies within the samples."""
        return (samples - SIZE) // HOP + 1

    def __call__(self, waveforms: Sequence[Waveform]) -> tuple[Tensor, Tape]:
        """Features ``(frames, mels)`` and where each waveform's frames lie."""
        tape = Tape([self.frames(waveform.size) for waveform in waveforms], self.device)
        mels = self._log_mels(waveforms, tape)
        for mean, segment in tape.beside(tape.means(mels), mels):
            segment.sub_(mean)
        return mels, tape

    def _log_mels(self, waveforms: Sequence[Waveform], tape: Tape) -> Tensor:
        samples, starts = lay(waveforms, HOP, 0)
        every_hop = sent(torch.from_numpy(samples), self.device).unfold(0, SIZE, HOP)
        frames = every_hop.index_select(0, frames_laid(tape, starts))
        frames.sub_(frames.mean(1, keepdim=True))
        # The sample before the first is taken to be the same.
        before = torch.cat([frames[:, :1], frames[:, :-1]], dim=1)
        frames.sub_(before, alpha=PREEMPHASIS).mul_(self.window)
        power = torch.view_as_real(torch.fft.rfft(frames, PADDED)).square().sum(-1)
        return (power @ self.mel).clamp_(min=FLOOR).log_()
