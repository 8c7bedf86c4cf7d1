from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torchaudio.compliance import kaldi

from pgvoice.hooks.encoders.campplus.campplus_network import KaldiFeatures
from pgvoice.hooks.encoders.encoder import Waveform

DOUBLE, SINGLE = torch.float64, torch.float32


def test_features_are_kaldi_s(segments: list[Waveform]) -> None:
    """Compared in double precision: in float32 the FFT loses digits of bins near zero."""
    waveforms = [segments[0][:720], *segments[:6], np.zeros(8_123, np.float32)]
    features, tape = KaldiFeatures(80, torch.device("cpu"))(waveforms)
    for waveform, part in zip(waveforms, tape.split(features), strict=True):
        exact, single = (_kaldi(torch.tensor(waveform, dtype=kind)) for kind in (DOUBLE, SINGLE))
        rounding = float((single - exact).abs().max())
        torch.testing.assert_close(part.double(), exact, atol=max(1e-3, 2 * rounding), rtol=0)
        assert float((part - exact).abs().mean()) < 1e-5


def _kaldi(waveform: Tensor) -> Tensor:
    features: Tensor = kaldi.fbank(waveform[None], num_mel_bins=80)
    return features - features.mean(0)
