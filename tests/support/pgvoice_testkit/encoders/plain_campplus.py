"""CAM++ as published, for one segment at a time; the packed network must give its vectors.

Architecture: Wang et al., "CAM++: A Fast and Efficient Network for Speaker Verification Using
Context-Aware Masking", 2023, https://arxiv.org/abs/2303.00332.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from pgvoice.hooks.encoders.campplus.campplus_topology import (
    BLOCKS,
    CONTEXT_FRAMES,
    DIMENSION,
    FIRST,
    GROWTH,
    HEAD,
    MELS,
)


class Campplus(nn.Module):
    """Features ``(segments, frames, MELS)`` to vectors ``(segments, DIMENSION)``, frames >= 3."""

    def __init__(self) -> None:
        super().__init__()
        self.head = Head()
        self.xvector = nn.Sequential(OrderedDict(_layers()))

    def forward(self, features: Tensor) -> Tensor:
        x: Tensor = self.xvector(self.head(features.transpose(1, 2)))
        return x


def _layers() -> dict[str, nn.Module]:
    """Everything after the head, by its name in the checkpoint."""
    layers: dict[str, nn.Module] = {"tdnn": Subsampling(HEAD * MELS // 8, FIRST)}
    channels = FIRST
    for number, (depth, dilation) in enumerate(BLOCKS, start=1):
        layers[f"block{number}"] = DenseBlock(channels, depth, dilation)
        channels += depth * GROWTH
        layers[f"transit{number}"] = Transit(channels, channels // 2)
        channels //= 2
    layers["out_nonlinear"] = _norm_relu(channels)
    layers["stats"] = Statistics()
    layers["dense"] = Embedding(2 * channels)
    return layers


def _norm_relu(channels: int) -> nn.Sequential:
    parts = {"batchnorm": nn.BatchNorm1d(channels), "relu": nn.ReLU(inplace=True)}
    return nn.Sequential(OrderedDict(parts))


class Head(nn.Module):
    """Residual convolutions over time and frequency: ``MELS`` to ``MELS / 8``, times `HEAD`."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = _convolution(1, 1)
        self.bn1 = nn.BatchNorm2d(HEAD)
        self.layer1 = nn.Sequential(Residual(2), Residual(1))
        self.layer2 = nn.Sequential(Residual(2), Residual(1))
        self.conv2 = _convolution(HEAD, 2)
        self.bn2 = nn.BatchNorm2d(HEAD)

    def forward(self, features: Tensor) -> Tensor:
        x = self.bn1(self.conv1(features.unsqueeze(1))).relu_()
        x = self.bn2(self.conv2(self.layer2(self.layer1(x)))).relu_()
        return torch.flatten(x, 1, 2)


class Residual(nn.Module):
    """Two convolutions added to their input, whose mels are halved if `stride` is 2."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.conv1 = _convolution(HEAD, stride)
        self.bn1 = nn.BatchNorm2d(HEAD)
        self.conv2 = _convolution(HEAD, 1)
        self.bn2 = nn.BatchNorm2d(HEAD)
        self.shortcut = nn.Sequential()
        if stride != 1:
            thinned = nn.Conv2d(HEAD, HEAD, 1, stride=(stride, 1), bias=False)
            self.shortcut = nn.Sequential(thinned, nn.BatchNorm2d(HEAD))

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn1(self.conv1(x)).relu_()
        y = self.bn2(self.conv2(y))
        return F.relu_(y.add_(self.shortcut(x)))


def _convolution(channels: int, stride: int) -> nn.Conv2d:
    return nn.Conv2d(channels, HEAD, 3, stride=(stride, 1), padding=1, bias=False)


class Subsampling(nn.Module):
    """The first layer over time only: every second frame."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.linear = nn.Conv1d(inputs, outputs, 5, stride=2, padding=2, bias=False)
        self.nonlinear = _norm_relu(outputs)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.nonlinear(self.linear(x))
        return y


class DenseBlock(nn.Module):
    """Each layer reads the block's input and the output of all layers before it."""

    def __init__(self, inputs: int, depth: int, dilation: int) -> None:
        super().__init__()
        for place in range(depth):
            layer = DenseLayer(inputs + place * GROWTH, dilation)
            self.add_module(f"tdnnd{place + 1}", layer)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.children():
            x = torch.cat([x, layer(x)], dim=1)
        return x


class DenseLayer(nn.Module):
    """A bottleneck, then the masked convolution."""

    def __init__(self, inputs: int, dilation: int) -> None:
        super().__init__()
        self.nonlinear1 = _norm_relu(inputs)
        self.linear1 = nn.Conv1d(inputs, 4 * GROWTH, 1, bias=False)
        self.nonlinear2 = _norm_relu(4 * GROWTH)
        self.cam_layer = ContextMasking(4 * GROWTH, dilation)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.cam_layer(self.nonlinear2(self.linear1(self.nonlinear1(x))))
        return y


class ContextMasking(nn.Module):
    """A convolution whose channels are masked by the means of the segment and of 100 frames."""

    def __init__(self, inputs: int, dilation: int) -> None:
        super().__init__()
        self.linear_local = nn.Conv1d(
            inputs, GROWTH, 3, padding=dilation, dilation=dilation, bias=False
        )
        self.linear1 = nn.Conv1d(inputs, inputs // 2, 1)
        self.linear2 = nn.Conv1d(inputs // 2, GROWTH, 1)

    def forward(self, x: Tensor) -> Tensor:
        local = F.avg_pool1d(x, CONTEXT_FRAMES, CONTEXT_FRAMES, ceil_mode=True)
        context = self.linear1(x.mean(-1, keepdim=True) + local).relu_()
        # One mask for each stretch of frames.
        mask = self.linear2(context).sigmoid_().repeat_interleave(CONTEXT_FRAMES, dim=-1)
        y: Tensor = self.linear_local(x)
        return y.mul_(mask[..., : y.shape[-1]])


class Transit(nn.Module):
    """Halves the channels after a block."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.nonlinear = _norm_relu(inputs)
        self.linear = nn.Conv1d(inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.linear(self.nonlinear(x))
        return y


class Statistics(nn.Module):
    """Mean and standard deviation over at least two frames."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x.mean(-1), x.std(-1)], dim=1)


class Embedding(nn.Module):
    """The last layer, normalised without a learned scale."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.linear = nn.Conv1d(inputs, DIMENSION, 1, bias=False)
        norm = nn.BatchNorm1d(DIMENSION, affine=False)
        self.nonlinear = nn.Sequential(OrderedDict(batchnorm=norm))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.nonlinear(self.linear(x.unsqueeze(-1)).squeeze(-1))
        return y
