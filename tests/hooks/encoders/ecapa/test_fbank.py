from __future__ import annotations

from typing import Any

import numpy as np
import torch

from pgvoice.hooks.encoders.ecapa.ecapa_network import SpeechBrainFeatures
from pgvoice.hooks.encoders.encoder import Waveform


def test_features_are_speechbrain_s(official: Any, segments: list[Waveform]) -> None:
    silent_in_part = [np.concatenate([segments[0], np.zeros(8_000, np.float32)])]
    waveforms = [*silent_in_part, *segments[:6], np.zeros(8_123, np.float32)]
    features, tape = SpeechBrainFeatures(official.fbank, torch.device("cpu"))(waveforms)
    for waveform, part in zip(waveforms, tape.split(features), strict=True):
        torch.testing.assert_close(part, official.features(waveform)[0], atol=1e-3, rtol=0)
