"""From a waveform to what a graph takes: Kaldi's or NeMo's log mel energies, or the samples.

In numpy, so that a model in an ONNX file needs no torch, and in double precision: the toolkits
compute in single precision, and differ from each other by more than from this.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from pgvoice.hooks.encoders.onnx.settings import FrontEnd

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pgvoice.hooks.encoders.encoder import Waveform

    Features = NDArray[np.float32]
    Samples = NDArray[np.float64]

PREEMPHASIS = 0.97
#: Kaldi's smallest energy: float32's epsilon.
KALDI_FLOOR = float(np.finfo(np.float32).eps)
#: What NeMo adds to an energy, and to a deviation.
NEMO_FLOOR, NEMO_DEVIATION = 2.0**-24, 1e-5


def features(waveform: Waveform, front_end: FrontEnd) -> Features:
    """What the graph takes: ``(frames, mel bins)``, or ``(samples,)``."""
    samples = waveform.astype(np.float64) * front_end.scale
    if front_end.kind == "fbank":
        found = _fbank(samples, front_end)
    elif front_end.kind == "nemo":
        found = _nemo(samples, front_end)
    else:
        found = samples
    return _normalised(found, front_end.normalize).astype(np.float32)


def _normalised(found: Samples, how: str) -> Samples:
    """Less the mean of each bin over the frames, and divided by its deviation."""
    if how != "none":
        found = found - found.mean(axis=0)
    if how == "mean_std":
        found = found / (found.std(axis=0, ddof=1) + NEMO_DEVIATION)
    return found


def _fbank(samples: Samples, front_end: FrontEnd) -> Samples:
    """Kaldi's ``fbank`` without dither (``src/feat/feature-fbank.cc``, ``feature-window.cc``)."""
    if not front_end.snip_edges:
        samples = _reflected(samples, front_end)
    frames = _frames(samples, front_end.size, front_end.hop).copy()
    frames -= frames.mean(axis=1, keepdims=True)
    # Kaldi repeats the first sample to the left.
    before = np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    frames -= PREEMPHASIS * before
    frames *= _window(front_end.window, front_end.size)
    energies = _power(frames, front_end.padded) @ _kaldi_bands(front_end)
    return np.log(np.maximum(energies, KALDI_FLOOR))


def _nemo(samples: Samples, front_end: FrontEnd) -> Samples:
    """NeMo's ``FilterbankFeatures``: frames around every hop, zeros beyond the ends."""
    emphasised = samples.copy()
    emphasised[1:] -= PREEMPHASIS * samples[:-1]
    padded = np.pad(emphasised, front_end.padded // 2)
    count = len(samples) // front_end.hop
    frames = _frames(padded, front_end.padded, front_end.hop)[:count]
    margin = (front_end.padded - front_end.size) // 2
    inner = frames[:, margin : margin + front_end.size]
    inner = inner * _window(front_end.window, front_end.size)
    return np.log(_power(inner, front_end.padded) @ _slaney_bands(front_end) + NEMO_FLOOR)


def _frames(samples: Samples, size: int, hop: int) -> Samples:
    return sliding_window_view(samples, size)[::hop]


def _reflected(samples: Samples, front_end: FrontEnd) -> Samples:
    """With so many reflected samples that frames are centred on their hops, as Kaldi does it."""
    size, hop = front_end.size, front_end.hop
    left = size // 2 - hop // 2
    count = max(1, (len(samples) + hop // 2) // hop)
    right = (count - 1) * hop + size - left - len(samples)
    return np.pad(samples, (left, max(0, right)), mode="symmetric")


def _power(frames: Samples, padded: int) -> Samples:
    """``(frames, padded / 2 + 1)``."""
    spectrum = np.fft.rfft(frames, padded)
    return np.asarray(spectrum.real**2 + spectrum.imag**2)


@lru_cache(maxsize=8)
def _window(name: str, size: int) -> Samples:
    if name == "hamming":
        return np.hamming(size)
    return np.hanning(size) ** (0.85 if name == "povey" else 1)


@lru_cache(maxsize=8)
def _kaldi_bands(front_end: FrontEnd) -> Samples:
    """Triangles that are even in mels: ``(padded / 2 + 1, mel bins)``; ``mel-computations.cc``."""
    low, high = _kaldi_mels(np.array([front_end.low_hz, front_end.high_hz]))
    edges = np.linspace(low, high, front_end.mel_bins + 2)
    lines = np.arange(front_end.padded // 2) * front_end.sample_rate / front_end.padded
    mels = _kaldi_mels(lines)[:, None]
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    bands = np.minimum((mels - left) / (centre - left), (right - mels) / (right - centre))
    return np.pad(bands.clip(min=0), ((0, 1), (0, 0)))


def _kaldi_mels(hertz: Samples) -> Samples:
    return 1127 * np.log1p(hertz / 700)


@lru_cache(maxsize=8)
def _slaney_bands(front_end: FrontEnd) -> Samples:
    from librosa.filters import mel

    low, high = front_end.low_hz, front_end.high_hz
    rate, padded, bins = front_end.sample_rate, front_end.padded, front_end.mel_bins
    bands = mel(sr=rate, n_fft=padded, n_mels=bins, fmin=low, fmax=high)
    return np.asarray(bands.T, np.float64)
