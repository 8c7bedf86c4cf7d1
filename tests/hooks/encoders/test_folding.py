from __future__ import annotations

from typing import Any

import pytest
import torch

from pgvoice.hooks.encoders.folding import Layer, Linear
from pgvoice.hooks.encoders.packing import Tape

CPU = torch.device("cpu")


@pytest.fixture
def block(official: Any) -> Any:
    torch.manual_seed(0)
    block = type(official.model.mfa)(3, 6, kernel_size=3, dilation=2).eval()
    block.norm.norm.running_mean.normal_()
    block.norm.norm.running_var.uniform_(0.5, 2)
    return block.requires_grad_(False)


@pytest.mark.parametrize(
    "scales", [(1, 2, 3, 4, 5, 6), (-1, 2, 0, -4, 5, -0.5)], ids=["positive", "of either sign"]
)
def test_a_layer_is_its_block(block: Any, scales: tuple[float, ...]) -> None:
    block.norm.norm.weight.copy_(torch.tensor(scales))
    block.norm.norm.bias.normal_()
    frames = torch.rand(20, 3)
    folded = Layer.of(block, CPU)
    torch.testing.assert_close(folded(frames, Tape([20])), block(frames.t()[None])[0].t())
    assert (folded.high is None) == (min(scales) >= 0)


def test_a_linear_is_its_convolution(block: Any) -> None:
    conv = type(block)(6, 4, kernel_size=1, dilation=1).requires_grad_(False).conv
    rows = torch.rand(5, 6)
    torch.testing.assert_close(Linear.of(conv, CPU)(rows), conv(rows[..., None])[..., 0])
    normed = conv(block.norm(rows[..., None]))[..., 0]
    torch.testing.assert_close(Linear.after_norm(block.norm, conv, CPU)(rows), normed)
