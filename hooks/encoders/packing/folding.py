"""Layers prepared once: weights transposed, normalisations folded into them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from pgvoice.hooks.encoders.packing.tapes import Tape

Norm = nn.BatchNorm1d | nn.BatchNorm2d


@dataclass(frozen=True, slots=True)
class Linear:
    """A matrix product and a bias; an input row may be several frames side by side."""

    #: Shape ``(inputs, outputs)``.
    weight: Tensor
    bias: Tensor

    @classmethod
    def of(cls, conv: nn.Conv1d, device: torch.device, lacking: Tensor | None = None) -> Linear:
        """From a convolution, whose taps become columns side by side.

        `lacking` is missing from the input: ``(inputs,)`` in float64.
        """
        bias = conv.weight.new_zeros(len(conv.weight)) if conv.bias is None else conv.bias
        if lacking is not None:
            bias = bias + conv.weight.double().sum(2) @ lacking
        return cls(_flat(conv.weight, device), ready(bias, device))

    @classmethod
    def after_norm(
        cls, norm: Norm, conv: nn.Conv1d, device: torch.device, lacking: Tensor
    ) -> Linear:
        """From a normalisation and the convolution of one tap after it.

        `lacking` is missing from the input: ``(inputs,)`` in float64.
        """
        scale, shift = scale_and_shift(norm)
        shift = shift + scale * lacking
        weight = conv.weight.double()
        bias = weight[:, :, 0] @ shift
        bias = bias if conv.bias is None else bias + conv.bias
        return cls(_flat(weight * scale[:, None], device), ready(bias, device))

    @classmethod
    def before_norm(cls, conv: nn.Conv1d, norm: Norm, device: torch.device) -> Linear:
        """From a convolution without a bias and the normalisation after it."""
        scale, shift = scale_and_shift(norm)
        return cls(_flat(conv.weight * scale[:, None, None], device), ready(shift, device))

    def __call__(self, x: Tensor, out: Tensor | None = None) -> Tensor:
        """``(rows, inputs)`` to ``(rows, outputs)``, written to `out` if given."""
        return torch.addmm(self.bias, x, self.weight, out=out)


@dataclass(frozen=True, slots=True)
class Layer:
    """Convolution, ReLU and batch normalisation as one product and one clamp.

    With the normalisation ``s * relu(z) + t``, the products are scaled and shifted before the ReLU,
    which then clamps at ``t``: from below where ``s >= 0``, from above elsewhere. Adding a bias
    would cost another pass over the products. Instead the bounds are lowered by the bias, the
    output lacks it, and the bias of the next layer includes it.
    """

    #: Shape ``(taps * inputs, outputs)``.
    weight: Tensor
    bias: Tensor
    #: Whether the bias is added here instead of by the next layer.
    whole: bool
    low: Tensor
    #: None if no ``s`` is negative.
    high: Tensor | None
    #: The input frames of each output frame, relative to it.
    offsets: tuple[int, ...]
    #: What is missing from the output: ``(outputs,)`` in float64.
    lacking: Tensor
    #: The weight in oneDNN's own layout, if oneDNN multiplies.
    packed: Tensor | None = None

    @classmethod
    def of(
        cls,
        block: Any,
        device: torch.device,
        lacking: Tensor | None = None,
        *,
        whole: bool = False,
    ) -> Layer:
        """From SpeechBrain's `TDNNBlock`; `lacking` is missing from its input."""
        scale, shift = scale_and_shift(block.norm.norm)
        conv = block.conv.conv
        weight = conv.weight.double() * scale[:, None, None]
        bias = conv.bias * scale + shift
        if lacking is not None:
            bias = bias + weight.sum(2) @ lacking
        left = torch.zeros_like(bias) if whole else bias
        low = shift.where(scale >= 0, -torch.inf) - left
        high = shift.where(scale < 0, torch.inf) - left
        return cls(
            _flat(weight, device),
            ready(bias, device),
            whole,
            ready(low, device),
            ready(high, device) if bool((scale < 0).any()) else None,
            _offsets(conv.kernel_size[0], conv.dilation[0]),
            left.detach(),
        )

    def __call__(self, x: Tensor, tape: Tape, out: Tensor | None = None) -> Tensor:
        """``(frames, inputs)`` to ``(frames, outputs)``, written to `out` if given."""
        rows = x if len(self.offsets) == 1 else tape.gather(x, self.offsets)
        if self.packed is not None:
            bias = self.bias if self.whole else None
            products = torch.ops.mkldnn._linear_pointwise(rows, self.packed, bias, "none", [], "")
            out = products if out is None else out
            return torch.clamp(products, self.low, self.high, out=out)
        if self.whole:
            return self.clamp(torch.addmm(self.bias, rows, self.weight, out=out))
        return self.clamp(torch.mm(rows, self.weight, out=out))

    def by_onednn(self) -> Layer:
        """The same layer, on a CPU, with oneDNN's product; Torch's own is MKL's on most of them."""
        weight = self.weight.t().contiguous()
        return replace(self, packed=torch.ops.mkldnn._reorder_linear_weight(weight))

    def clamp(self, products: Tensor) -> Tensor:
        """The ReLU and the normalisation after it, in place."""
        return products.clamp_(self.low, self.high)


def scale_and_shift(norm: Norm) -> tuple[Tensor, Tensor]:
    """The factors and summands of a normalisation in eval mode, in float64."""
    mean, variance = norm.get_buffer("running_mean"), norm.get_buffer("running_var")
    scale = torch.rsqrt(variance.double() + norm.eps)
    if not norm.affine:
        return scale, -mean * scale
    scale = norm.weight * scale
    return scale, norm.bias - mean * scale


def _offsets(taps: int, step: int) -> tuple[int, ...]:
    first = -step * (taps - 1) // 2
    return tuple(first + step * tap for tap in range(taps))


def _flat(weight: Tensor, device: torch.device) -> Tensor:
    """``(outputs, inputs, taps)`` to ``(taps * inputs, outputs)``."""
    return ready(weight.permute(2, 1, 0).flatten(0, 1), device)


def ready(values: Tensor, device: torch.device) -> Tensor:
    """The values in float32 on the device."""
    return values.detach().float().contiguous().to(device)
