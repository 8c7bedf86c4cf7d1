"""The parameters of CAM++, named as in the published checkpoint.

Architecture: Wang et al., "CAM++: A Fast and Efficient Network for Speaker Verification Using
Context-Aware Masking", 2023, https://arxiv.org/abs/2303.00332.
"""

from __future__ import annotations

from torch import nn

MELS = 80
DIMENSION = 192
#: Channels of the two-dimensional head, of the first layer after it, and added by each dense layer.
HEAD, FIRST, GROWTH = 32, 128, 32
#: Layers and dilation of each dense block.
BLOCKS = ((12, 1), (24, 2), (16, 2))
#: Frames over which a layer averages its local context.
CONTEXT_FRAMES = 100


def campplus() -> nn.Module:
    """The parameters only: `PackedCampplus` computes with them."""
    return _named(head=_head(), xvector=_xvector())


def _xvector() -> nn.Module:
    """Everything after the head."""
    subsampling = nn.Conv1d(HEAD * MELS // 8, FIRST, 5, stride=2, padding=2, bias=False)
    layers: dict[str, nn.Module] = {"tdnn": _named(linear=subsampling, nonlinear=_norm(FIRST))}
    channels = FIRST
    for number, (depth, dilation) in enumerate(BLOCKS, start=1):
        layers[f"block{number}"] = _block(channels, depth, dilation)
        channels += depth * GROWTH
        halved = nn.Conv1d(channels, channels // 2, 1, bias=False)
        layers[f"transit{number}"] = _named(nonlinear=_norm(channels), linear=halved)
        channels //= 2
    layers["out_nonlinear"] = _norm(channels)
    last = nn.Conv1d(2 * channels, DIMENSION, 1, bias=False)
    layers["dense"] = _named(linear=last, nonlinear=_norm(DIMENSION, affine=False))
    return _named(**layers)


def _head() -> nn.Module:
    """Residual convolutions over time and frequency: ``MELS`` to ``MELS / 8``, times `HEAD`."""
    return _named(
        conv1=_convolution(1, 1),
        bn1=nn.BatchNorm2d(HEAD),
        layer1=nn.Sequential(_residual(2), _residual(1)),
        layer2=nn.Sequential(_residual(2), _residual(1)),
        conv2=_convolution(HEAD, 2),
        bn2=nn.BatchNorm2d(HEAD),
    )


def _residual(stride: int) -> nn.Module:
    """Two convolutions and a shortcut, which is a layer if `stride` thins the mels."""
    thinned = nn.Conv2d(HEAD, HEAD, 1, stride=(stride, 1), bias=False)
    return _named(
        conv1=_convolution(HEAD, stride),
        bn1=nn.BatchNorm2d(HEAD),
        conv2=_convolution(HEAD, 1),
        bn2=nn.BatchNorm2d(HEAD),
        shortcut=nn.Sequential(*[thinned, nn.BatchNorm2d(HEAD)] if stride > 1 else []),
    )


def _block(inputs: int, depth: int, dilation: int) -> nn.Module:
    """Dense layers: each reads the block's input and the output of all layers before it."""
    layers = [_dense_layer(inputs + place * GROWTH, dilation) for place in range(depth)]
    return _named(**{f"tdnnd{place}": layer for place, layer in enumerate(layers, start=1)})


def _dense_layer(inputs: int, dilation: int) -> nn.Module:
    """A bottleneck, then a convolution whose channels are masked by the context."""
    width = 4 * GROWTH
    local = nn.Conv1d(width, GROWTH, 3, padding=dilation, dilation=dilation, bias=False)
    return _named(
        nonlinear1=_norm(inputs),
        linear1=nn.Conv1d(inputs, width, 1, bias=False),
        nonlinear2=_norm(width),
        cam_layer=_named(
            linear_local=local,
            linear1=nn.Conv1d(width, width // 2, 1),
            linear2=nn.Conv1d(width // 2, GROWTH, 1),
        ),
    )


def _convolution(channels: int, stride: int) -> nn.Conv2d:
    return nn.Conv2d(channels, HEAD, 3, stride=(stride, 1), padding=1, bias=False)


def _norm(channels: int, *, affine: bool = True) -> nn.Module:
    return _named(batchnorm=nn.BatchNorm1d(channels, affine=affine))


def _named(**parts: nn.Module) -> nn.Module:
    return nn.ModuleDict(parts)
