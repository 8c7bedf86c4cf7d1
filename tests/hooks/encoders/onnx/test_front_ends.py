"""Features, compared with those of the toolkits: torchaudio's Kaldi features, and NeMo's recipe."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torchaudio.compliance import kaldi

from pgvoice.hooks.encoders.encoder import Waveform
from pgvoice.hooks.encoders.onnx.front_ends import features
from pgvoice.hooks.encoders.onnx.settings import FrontEnd
from pgvoice.hooks.testing import voice

RATE = 16_000
KALDI = FrontEnd("fbank", RATE, 1.0, "none", 80, "povey", 400, 160, 20, 8_000)
NEMO = FrontEnd("nemo", RATE, 1.0, "mean_std", 80, "hann", 400, 160, 0, 8_000)


@pytest.fixture(params=[720, 4_000, 16_123])
def waveform(request: pytest.FixtureRequest) -> Waveform:
    return voice(request.param, RATE, 120)


@pytest.mark.parametrize(
    ("changes", "options"),
    [
        ({}, {}),
        ({"window": "hamming", "scale": 32_768.0}, {"window_type": "hamming"}),
        ({"window": "hann", "high_hz": 7_600.0}, {"window_type": "hanning", "high_freq": 7_600}),
        ({"snip_edges": False}, {"snip_edges": False}),
        ({"size": 512, "mel_bins": 40}, {"frame_length": 32, "num_mel_bins": 40}),
    ],
    ids=["3D-Speaker", "WeSpeaker", "other bands", "beyond the ends", "other frames"],
)
def test_kaldis(waveform: Waveform, changes: dict[str, object], options: dict[str, object]) -> None:
    front_end = dataclasses.replace(KALDI, **changes)  # type: ignore[arg-type]
    sound = torch.from_numpy(waveform * np.float32(front_end.scale))[None]
    asked = {"num_mel_bins": 80, "sample_frequency": RATE, "dither": 0.0} | options
    expected = kaldi.fbank(sound, **asked).numpy()
    found = features(waveform, front_end)
    assert found.shape == expected.shape
    assert found.dtype == np.float32
    assert np.abs(found - expected).max() < 5e-3
    assert np.abs(found - expected).mean() < 1e-4


def test_nemos(waveform: Waveform) -> None:
    found = features(waveform, NEMO)
    expected = _as_nemo(waveform)
    assert found.shape == (len(waveform) // 160, 80) == expected.shape
    assert np.abs(found - expected).max() < 1e-2
    assert np.abs(found - expected).mean() < 1e-4


def _as_nemo(waveform: Waveform) -> Waveform:
    """In torch, with NeMo's own parameters of `torch.stft`."""
    from librosa.filters import mel

    x = torch.from_numpy(waveform)
    x = torch.cat([x[:1], x[1:] - 0.97 * x[:-1]])
    window = torch.hann_window(400, periodic=False)
    spectrum = torch.stft(
        x, 512, 160, 400, window, center=True, pad_mode="constant", return_complex=True
    )
    bands = torch.from_numpy(mel(sr=RATE, n_fft=512, n_mels=80, fmin=0, fmax=8_000))
    logs = torch.log(bands @ spectrum.abs().square() + 2**-24)[:, : len(waveform) // 160]
    deviations = logs.std(dim=1, keepdim=True) + 1e-5
    normal: Waveform = ((logs - logs.mean(dim=1, keepdim=True)) / deviations).T.numpy()
    return normal


def test_samples(waveform: Waveform) -> None:
    assert np.array_equal(features(waveform, FrontEnd("waveform", RATE, 1.0, "none")), waveform)
    scaled = features(waveform, FrontEnd("waveform", RATE, 32_768.0, "mean_std"))
    assert scaled.mean() == pytest.approx(0, abs=1e-4)
    assert scaled.std() == pytest.approx(1, abs=1e-2)


def test_the_mean_is_that_of_each_bin(waveform: Waveform) -> None:
    found = features(waveform, dataclasses.replace(KALDI, normalize="mean"))
    assert np.abs(found.mean(axis=0)).max() < 1e-4
