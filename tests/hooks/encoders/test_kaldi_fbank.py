from __future__ import annotations

import numpy as np
import torch
from torchaudio.compliance import kaldi

from pgvoice.hooks.encoders.campplus.kaldi_fbank import KaldiFeatures
from pgvoice.hooks.encoders.encoder import Waveform


def test_features_are_kaldi_s(segments: list[Waveform]) -> None:
    waveforms = [segments[0][:720], *segments[:6], np.zeros(8_123, np.float32)]
    features, tape = KaldiFeatures(80, torch.device("cpu"))(waveforms)
    for waveform, part in zip(waveforms, tape.split(features), strict=True):
        alone = kaldi.fbank(torch.tensor(waveform)[None], num_mel_bins=80)
        torch.testing.assert_close(part, alone - alone.mean(0), atol=1e-3, rtol=0)
