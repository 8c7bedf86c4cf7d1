"""Layers of SpeechBrain's made ready once: weights transposed, normalisations folded into them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pgvoice.hooks.encoders.packing import Tape


@dataclass(frozen=True, slots=True)
class Linear:
    """A product and a bias: a convolution of one tap, frame by frame."""

    #: Shape ``(inputs, outputs)``.
    weight: Tensor
    bias: Tensor

    @classmethod
    def of(cls, conv: Any, device: torch.device) -> Linear:
        """From SpeechBrain's `Conv1d` with a kernel of 1."""
        return cls(_ready(conv.conv.weight[:, :, 0].t(), device), _ready(conv.conv.bias, device))

    @classmethod
    def after_norm(cls, norm: Any, conv: Any, device: torch.device) -> Linear:
        """From a `BatchNorm1d` and the `Conv1d` of one tap that it feeds."""
        scale, shift = _scale_and_shift(norm)
        weight = conv.conv.weight[:, :, 0].double()
        bias = conv.conv.bias + weight @ shift
        return cls(_ready((weight * scale).t(), device), _ready(bias, device))

    def __call__(self, x: Tensor) -> Tensor:
        """``(rows, inputs)`` to ``(rows, outputs)``."""
        return torch.addmm(self.bias, x, self.weight)


@dataclass(frozen=True, slots=True)
class Layer:
    """Convolution, ReLU and batch normalisation as one product and one clamp.

    With the normalisation ``s * relu(z) + t`` the products are scaled and shifted before the ReLU,
    which then clamps at ``t``: from below where ``s >= 0``, from above elsewhere.
    """

    #: Shape ``(taps * inputs, outputs)``.
    weight: Tensor
    bias: Tensor
    low: Tensor
    #: Nothing where no ``s`` is negative.
    high: Tensor | None
    #: The frames that each output frame is made of, relative to it.
    offsets: tuple[int, ...]

    @classmethod
    def of(cls, block: Any, device: torch.device) -> Layer:
        """From SpeechBrain's `TDNNBlock`."""
        scale, shift = _scale_and_shift(block.norm)
        conv = block.conv.conv
        weight = conv.weight.double() * scale[:, None, None]
        low = shift.where(scale >= 0, -torch.inf)
        high = shift.where(scale < 0, torch.inf)
        return cls(
            _ready(weight.permute(2, 1, 0).flatten(0, 1), device),
            _ready(conv.bias * scale + shift, device),
            _ready(low, device),
            _ready(high, device) if bool((scale < 0).any()) else None,
            _offsets(conv.kernel_size[0], conv.dilation[0]),
        )

    def __call__(self, x: Tensor, tape: Tape, out: Tensor | None = None) -> Tensor:
        """``(frames, inputs)`` to ``(frames, outputs)``, written to `out` where it is given."""
        rows = x if len(self.offsets) == 1 else tape.gather(x, self.offsets)
        return self.clamp(torch.addmm(self.bias, rows, self.weight, out=out))

    def clamp(self, products: Tensor) -> Tensor:
        """The ReLU and what follows it, in place."""
        return products.clamp_(self.low, self.high)


def _scale_and_shift(norm: Any) -> tuple[Tensor, Tensor]:
    """What SpeechBrain's `BatchNorm1d` multiplies by and adds, in float64."""
    inner = norm.norm
    scale = inner.weight.double() / torch.sqrt(inner.running_var.double() + inner.eps)
    return scale, inner.bias - inner.running_mean * scale


def _offsets(taps: int, step: int) -> tuple[int, ...]:
    first = -step * (taps - 1) // 2
    return tuple(first + step * tap for tap in range(taps))


def _ready(values: Tensor, device: torch.device) -> Tensor:
    return values.detach().float().contiguous().to(device)
