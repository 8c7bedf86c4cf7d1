"""The head of CAM++ over a tape: convolutions over frames and mels, then every second frame.

One row of zeros follows each segment and is cleared after every layer: no convolution reaches past
it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from pgvoice.hooks.encoders.campplus.campplus_topology import HEAD, MELS
from pgvoice.hooks.encoders.packing.folding import Linear, ready, scale_and_shift
from pgvoice.hooks.encoders.packing.tapes import Tape

#: Frames that the convolution of the subsampling reads, relative to its output.
OFFSETS = (-2, -1, 0, 1, 2)


class PackedHead:
    """The residual head and the subsampling after it."""

    def __init__(self, head: Any, subsampling: Any, device: torch.device) -> None:
        self.first = Convolution(head.conv1, head.bn1, device)
        self.residuals = [PackedResidual(p, device) for p in (*head.layer1, *head.layer2)]
        self.last = Convolution(head.conv2, head.bn2, device)
        conv, norm = subsampling.linear, subsampling.nonlinear.batchnorm
        linear = Linear.before_norm(conv, norm, device)
        self.linear = Linear(_mels_first(linear.weight), linear.bias)

    def __call__(self, features: Tensor, tape: Tape) -> tuple[Tensor, Tape]:
        """Features ``(frames, MELS)`` to ``(frames / 2, channels)``, and the tape of the output."""
        gaps = (tape.sizes + 1).cumsum(0) - 1
        kept = torch.arange(len(features), device=tape.device) + tape.owners
        x = features.new_zeros(len(features) + len(gaps), MELS)
        x = x.index_copy_(0, kept, features)[None, None]
        x = _cleared(self.first(x).relu_(), gaps)
        for residual in self.residuals:
            x = residual(x, gaps)
        x = _cleared(self.last(x).relu_(), gaps)
        thinned, rows = tape.within(OFFSETS, stride=2)
        rows = torch.cat([kept, gaps[-1:]])[rows]
        frames = x[0].permute(1, 2, 0).flatten(1).index_select(0, rows)
        return self.linear(frames.view(-1, len(self.linear.weight))).relu_(), thinned


class PackedResidual:
    """Two convolutions added to their input."""

    def __init__(self, part: Any, device: torch.device) -> None:
        self.first = Convolution(part.conv1, part.bn1, device)
        self.second = Convolution(part.conv2, part.bn2, device)
        self.shortcut = None
        if part.shortcut:
            self.shortcut = Convolution(part.shortcut[0], part.shortcut[1], device)

    def __call__(self, x: Tensor, gaps: Tensor) -> Tensor:
        y = self.second(_cleared(self.first(x).relu_(), gaps))
        return _cleared(y.add_(self.shortcut(x) if self.shortcut else x).relu_(), gaps)


class Convolution:
    """With its normalisation folded in; on ``(1, channels, frames, mels)``, channels last."""

    def __init__(self, conv: Any, norm: Any, device: torch.device) -> None:
        scale, shift = scale_and_shift(norm)
        weight = ready(conv.weight * scale[:, None, None, None], device).transpose(2, 3)
        self.weight = weight.contiguous(memory_format=torch.channels_last)
        self.bias = ready(shift, device)
        self.stride, self.padding = conv.stride[::-1], conv.padding[::-1]

    def __call__(self, x: Tensor) -> Tensor:
        return torch.conv2d(x, self.weight, self.bias, self.stride, self.padding)


def _cleared(x: Tensor, gaps: Tensor) -> Tensor:
    return x.index_fill_(2, gaps, 0)


def _mels_first(weight: Tensor) -> Tensor:
    """The weight with its inputs in the order of a tape's rows: per tap mels, then channels."""
    by_tap = weight.view(len(OFFSETS), HEAD, -1, weight.shape[1])
    return by_tap.transpose(1, 2).flatten(0, 2)
