"""The encoder: resemblyzer's weights in a network of our own; its code is not imported."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Any

import numpy as np

from pgvoice.hooks import Embeddings, EncoderUnavailable, Waveform
from pgvoice.hooks.encoders.waveforms import check_waveforms, unit_rows
from pgvoice.store import EncoderIdentity, Threshold

SHA256 = "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e"
RATE, DIMENSION, MELS = 16_000, 256, 40
#: Frames of 10 ms in training; a longer waveform is cut into such pieces.
PIECE = 160
#: Quieter speech is amplified to this root mean square, -30 dB of full scale, as in training.
LOUDNESS = 10 ** (-30 / 20)


class Ge2eEncoder:
    """Wan et al., 2018: the last state of three LSTM layers, averaged over pieces of 1.6 s."""

    identity = EncoderIdentity("ge2e", f"sha256:{SHA256}", "1", DIMENSION, RATE)
    default_threshold = Threshold(0.75, "a starting point, not measured")
    min_samples = RATE // 4
    batch_samples = 60 * RATE

    def __init__(self, device: str) -> None:
        self.device = device

    def load(self) -> None:
        assert self._network

    def encode(self, waveforms: Sequence[Waveform]) -> Embeddings:
        check_waveforms(waveforms, self.min_samples)
        rows = [self._embed(waveform) for waveform in waveforms]
        return unit_rows(np.array(rows, np.float32).reshape(-1, DIMENSION))

    def _embed(self, waveform: Waveform) -> Embeddings:
        import torch

        lstm, linear = self._network
        with torch.inference_mode():
            _, (hidden, _) = lstm(torch.from_numpy(_pieces(waveform)).to(self.device))
            raw = torch.relu(linear(hidden[-1]))
            mean: Embeddings = torch.nn.functional.normalize(raw).mean(dim=0).cpu().numpy()
        return mean

    @cached_property
    def _network(self) -> tuple[Any, Any]:
        import torch

        from pgvoice.hooks.encoders.weights import read_weights

        state: Any = read_weights(_weights(), SHA256)["model_state"]
        lstm = torch.nn.LSTM(MELS, DIMENSION, num_layers=3, batch_first=True)
        linear = torch.nn.Linear(DIMENSION, DIMENSION)
        for name, part in (("lstm.", lstm), ("linear.", linear)):
            own = {key: value for key, value in state.items() if key.startswith(name)}
            part.load_state_dict({key.removeprefix(name): value for key, value in own.items()})
            part.to(self.device).eval().requires_grad_(False)
        return lstm, linear


def _pieces(waveform: Waveform) -> Embeddings:
    """Mel spectra ``(pieces, frames, mels)`` that overlap by half; the last ends at the end."""
    from librosa.feature import melspectrogram

    loudness = float(np.sqrt(np.mean(np.square(waveform, dtype=np.float64))))
    louder = waveform * np.float32(max(1.0, LOUDNESS / max(loudness, 1e-9)))
    spectrum = melspectrogram(y=louder, sr=RATE, n_fft=400, hop_length=160, n_mels=MELS)
    frames = np.ascontiguousarray(spectrum.T, np.float32)
    last = max(0, len(frames) - PIECE)
    starts = sorted({*range(0, last, PIECE // 2), last})
    return np.stack([frames[start : start + PIECE] for start in starts])


def _weights() -> Path:
    try:
        listed = files("resemblyzer") or []
    except PackageNotFoundError:
        listed = []
    for file in listed:
        if file.name == "pretrained.pt":
            return Path(str(file.locate()))
    raise EncoderUnavailable(
        "the weights of ge2e are not installed: pip install --no-deps resemblyzer==0.1.4"
    )
