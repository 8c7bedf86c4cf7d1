"""segmentation-3.0: windows of sound in, for each frame the probability of each class out."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import Tensor, nn

from pgvoice.hooks.segmenters.pyannote3.band_passes import filters

#: Samples from one application of the filters to the next.
STRIDE = 10
#: Frames of which each pooling keeps the largest.
POOL = 3


class SegmentationNetwork:
    """The network with the parameters of `topology.segmentation`."""

    def __init__(self, network: nn.Module, device: torch.device | str = "cpu") -> None:
        parts: Any = network.to(device)
        self.device = torch.device(device)
        self.loudness = parts.sincnet.wav_norm1d
        self.filters = filters(parts.sincnet.conv1d[0].filterbank)
        self.convolutions = list(parts.sincnet.conv1d[1:])
        self.norms = list(parts.sincnet.norm1d)
        self.lstm, self.linear, self.classifier = parts.lstm, list(parts.linear), parts.classifier
        self.lstm.flatten_parameters()

    def probabilities(self, waveforms: NDArray[np.float32]) -> NDArray[np.float32]:
        """``(windows, samples)`` at 16 kHz to ``(windows, frames, classes)``."""
        found: NDArray[np.float32] = self(torch.from_numpy(waveforms)).exp().numpy()
        return found

    @torch.inference_mode()
    def __call__(self, waveforms: Tensor) -> Tensor:
        """``(windows, samples)`` at 16 kHz to the logarithms ``(windows, frames, classes)``."""
        x = self.loudness(waveforms.to(self.device)[:, None])
        x = _pooled(F.conv1d(x, self.filters, stride=STRIDE).abs_(), self.norms[0])
        for convolution, norm in zip(self.convolutions, self.norms[1:], strict=True):
            x = _pooled(convolution(x), norm)
        x, _ = self.lstm(x.transpose(1, 2).contiguous())
        for layer in self.linear:
            x = F.leaky_relu_(layer(x))
        classes: Tensor = self.classifier(x)
        return classes.log_softmax(-1).cpu()


def _pooled(x: Tensor, norm: nn.Module) -> Tensor:
    return F.leaky_relu_(norm(F.max_pool1d(x, POOL)))
