"""The parameters of segmentation-3.0, named as in the published checkpoint.

A SincNet, four bidirectional LSTMs and two linear layers, trained on "powerset" classes: every set
of at most two of three speakers is one class.
Bredin, "pyannote.audio 2.1 speaker diarization pipeline", Interspeech 2023;
Plaquet & Bredin, "Powerset multi-class cross entropy loss for neural speaker diarization",
Interspeech 2023, https://arxiv.org/abs/2310.13025;
Ravanelli & Bengio, "Speaker recognition from raw waveform with SincNet", SLT 2018,
https://arxiv.org/abs/1808.00158.
"""

from __future__ import annotations

import torch
from torch import nn

from pgvoice.hooks.segmenters.pyannote3.geometry import POWERSET

#: Band-pass filters, half of them even and half of them odd, and the samples of each.
FILTERS, TAPS = 80, 251
#: Channels of the convolutions after the filters, and frames that each reads.
CHANNELS, KERNEL = 60, 5
#: Of an LSTM in each direction, and of a linear layer.
WIDTH = 128
LSTM_LAYERS = 4


def segmentation() -> nn.Module:
    """The parameters only: `SegmentationNetwork` computes with them."""
    return nn.ModuleDict(
        {
            "sincnet": _sincnet(),
            "lstm": nn.LSTM(CHANNELS, WIDTH, LSTM_LAYERS, batch_first=True, bidirectional=True),
            "linear": nn.ModuleList([nn.Linear(2 * WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)]),
            "classifier": nn.Linear(WIDTH, len(POWERSET)),
        }
    )


def _sincnet() -> nn.Module:
    first = nn.ModuleDict({"filterbank": BandPasses()})
    wide = nn.Conv1d(FILTERS, CHANNELS, KERNEL)
    narrow = nn.Conv1d(CHANNELS, CHANNELS, KERNEL)
    return nn.ModuleDict(
        {
            "wav_norm1d": _norm(1),
            "conv1d": nn.ModuleList([first, wide, narrow]),
            "norm1d": nn.ModuleList([_norm(FILTERS), _norm(CHANNELS), _norm(CHANNELS)]),
        }
    )


def _norm(channels: int) -> nn.Module:
    """Each channel of each window gets the mean 0 and the variance 1, then a scale and a shift."""
    return nn.InstanceNorm1d(channels, affine=True)


class BandPasses(nn.Module):
    """What the filters of a SincNet are made of: where each band starts, and how wide it is."""

    #: Hz.
    low_hz_: nn.Parameter
    band_hz_: nn.Parameter
    #: The left half of a Hamming window.
    window_: torch.Tensor
    #: Radians per Hz, from the left end to just before the centre.
    n_: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.low_hz_ = nn.Parameter(torch.empty(FILTERS // 2, 1))
        self.band_hz_ = nn.Parameter(torch.empty(FILTERS // 2, 1))
        self.register_buffer("window_", torch.empty(TAPS // 2))
        self.register_buffer("n_", torch.empty(1, TAPS // 2))
