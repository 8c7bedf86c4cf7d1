"""Kaldi's filter banks for a tape of segments."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from torchaudio.compliance import kaldi

from pgvoice.hooks.encoders.packing.features import TapeFeatures
from pgvoice.hooks.encoders.packing.tapes import Tape

SAMPLE_RATE = 16_000
#: Samples of a frame, of its Fourier transform, and from one frame to the next.
SIZE, PADDED, HOP = 400, 512, 160
PREEMPHASIS = 0.97
#: The smallest energy: float32's epsilon.
FLOOR = 1.1920929e-07


class KaldiFeatures(TapeFeatures):
    """25 ms every 10 ms, povey window, 20 to 8000 Hz, no dither, samples in [-1, 1].

    These are the settings that 3D-Speaker trains with; torchaudio's ``kaldi.fbank`` computes the
    same for one waveform. Every frame is within the samples.
    """

    def __init__(self, mels: int, device: torch.device) -> None:
        super().__init__(SIZE, HOP, 0, device)
        self.window = torch.hann_window(SIZE, periodic=False).pow(0.85).to(device)
        bands, _ = kaldi.get_mel_banks(mels, PADDED, SAMPLE_RATE, 20.0, 0.0, 100.0, -500.0, 1.0)
        self.mel = F.pad(bands, (0, 1)).t().contiguous().to(device)

    def _features(self, samples: Tensor, hops: Tensor, tape: Tape) -> Tensor:
        """Natural logarithms of the mel energies."""
        frames = samples.unfold(0, SIZE, HOP).index_select(0, hops)
        frames.sub_(frames.mean(1, keepdim=True))
        # Kaldi repeats the first sample to the left.
        before = torch.cat([frames[:, :1], frames[:, :-1]], dim=1)
        frames.sub_(before, alpha=PREEMPHASIS).mul_(self.window)
        power = torch.view_as_real(torch.fft.rfft(frames, PADDED)).square().sum(-1)
        return (power @ self.mel).clamp_(min=FLOOR).log_()
