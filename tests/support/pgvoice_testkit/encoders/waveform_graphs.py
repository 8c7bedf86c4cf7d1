"""ECAPA and GE2E as graphs from samples to vectors: their front ends are not Kaldi's."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn


class PowerSpectrum(nn.Module):
    """Frames of `size` samples every `hop`, the first centred on the first sample.

    A Fourier transform as a convolution, which every version of ONNX has.
    """

    def __init__(self, window: Tensor, hop: int) -> None:
        super().__init__()
        self.size, self.hop = len(window), hop
        times = torch.arange(self.size, dtype=torch.float64)
        angles = torch.outer(torch.arange(self.size // 2 + 1), times) * (2 * math.pi / self.size)
        waves = torch.cat([angles.cos(), angles.sin()]) * window.double()
        self.register_buffer("waves", waves[:, None].float())

    def forward(self, samples: Tensor) -> Tensor:
        """``(segments, samples)`` to ``(segments, frequencies, frames)``."""
        padded = F.pad(samples[:, None], (self.size // 2, self.size // 2))
        parts = F.conv1d(padded, self.get_buffer("waves"), stride=self.hop).square()
        return parts[:, : self.size // 2 + 1] + parts[:, self.size // 2 + 1 :]


class EcapaGraph(nn.Module):
    """SpeechBrain's `Fbank`, normalisation and `ECAPA_TDNN` for segments of one length."""

    def __init__(self, model: Any, fbank: Any, bands: Tensor) -> None:
        """`bands` are the filters of `fbank`: ``(frequencies, mels)``."""
        super().__init__()
        self.spectrum = PowerSpectrum(fbank.compute_STFT.window, fbank.compute_STFT.hop_length)
        self.register_buffer("bands", bands.t())
        self.floor: float = fbank.compute_fbanks.amin
        self.range_db: float = fbank.compute_fbanks.top_db
        self.model = model

    def forward(self, samples: Tensor) -> Tensor:
        features = self._features(samples)
        outputs = []
        for block in self.model.blocks:
            features = block(features)
            outputs.append(features)
        x = self.model.mfa(torch.cat(outputs[1:], dim=1))
        vectors: Tensor = self.model.fc(self.model.asp_bn(self._pooled(x))).flatten(1)
        return vectors

    def _features(self, samples: Tensor) -> Tensor:
        """Decibels ``(segments, mels, frames)``, less their mean over time."""
        energies = torch.matmul(self.get_buffer("bands"), self.spectrum(samples))
        decibels = 10 * energies.clamp(min=self.floor).log10()
        loudest = decibels.amax(dim=(1, 2), keepdim=True)
        decibels = torch.maximum(decibels, loudest - self.range_db)
        return decibels - decibels.mean(2, keepdim=True)

    def _pooled(self, x: Tensor) -> Tensor:
        """Attentive statistics, without the masks of padding."""
        pool = self.model.asp
        mean = x.mean(2, keepdim=True)
        deviation = (x - mean).square().mean(2, keepdim=True).clamp(min=pool.eps).sqrt()
        context = torch.cat([x, mean.expand_as(x), deviation.expand_as(x)], dim=1)
        weights = pool.conv(pool.tanh(pool.tdnn(context))).softmax(dim=2)
        mean = (weights * x).sum(2, keepdim=True)
        deviation = (weights * (x - mean).square()).sum(2, keepdim=True).clamp(min=pool.eps).sqrt()
        return torch.cat([mean, deviation], dim=1)


class Ge2eGraph(nn.Module):
    """Loudness, mel spectra, the LSTM over pieces that overlap by half, and their mean."""

    def __init__(self, lstm: nn.LSTM, linear: nn.Linear, *, piece: int, loudness: float) -> None:
        """`piece` is in frames; quieter speech is amplified to `loudness`, a root mean square."""
        super().__init__()
        from librosa.filters import mel

        self.spectrum = PowerSpectrum(torch.hann_window(400), 160)
        bands = mel(sr=16_000, n_fft=400, n_mels=lstm.input_size)
        self.register_buffer("bands", torch.from_numpy(bands))
        self.lstm, self.linear = lstm, linear
        self.piece, self.loudness = piece, loudness

    def forward(self, samples: Tensor) -> Tensor:
        level = samples.square().mean(1, keepdim=True).sqrt().clamp(min=1e-9)
        louder = samples * (self.loudness / level).clamp(min=1)
        frames = torch.matmul(self.get_buffer("bands"), self.spectrum(louder)).transpose(1, 2)
        pieces = frames[:, self._places(frames)]
        _, (hidden, _) = self.lstm(pieces.flatten(0, 1))
        raw = F.normalize(torch.relu(self.linear(hidden[-1])))
        vectors: Tensor = raw.view(frames.shape[0], -1, raw.shape[1]).mean(1)
        return vectors

    def _places(self, frames: Tensor) -> Tensor:
        """The frames of each piece, ``(pieces, frames)``; the last piece ends at the end."""
        count: Any = torch._shape_as_tensor(frames)[1]
        last = (count - self.piece).clamp(min=0)
        step = self.piece // 2
        starts = torch.arange((last + step - 1) // step + 1) * step
        within = torch.arange(count.clamp(max=self.piece))
        places: Tensor = torch.minimum(starts, last)[:, None] + within
        return places
