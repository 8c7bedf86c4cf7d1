from __future__ import annotations

from typing import Any

import pytest
import torch

from pgvoice.hooks.encoders.packing.folding import Layer, Linear
from pgvoice.hooks.encoders.packing.tapes import Tape

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
    frames, lacking = torch.rand(20, 3), torch.randn(3, dtype=torch.float64)
    expected = block(frames.t()[None])[0].t()
    for whole in (True, False):
        folded = Layer.of(block, CPU, lacking, whole=whole)
        output = folded((frames - lacking).float(), Tape([20])) + folded.lacking
        torch.testing.assert_close(output.float(), expected)
        assert (folded.high is None) == (min(scales) >= 0)
        assert whole == (not folded.lacking.any())


def test_a_linear_is_its_convolution(block: Any) -> None:
    conv = torch.nn.Conv1d(6, 4, 1).requires_grad_(False)
    norm, rows, lacking = block.norm.norm, torch.rand(5, 6), torch.randn(6, dtype=torch.float64)
    torch.testing.assert_close(Linear.of(conv, CPU)(rows), conv(rows[..., None])[..., 0])
    left = (rows - lacking).float()
    torch.testing.assert_close(Linear.of(conv, CPU, lacking)(left), conv(rows[..., None])[..., 0])
    torch.testing.assert_close(
        Linear.after_norm(norm, conv, CPU, lacking)(left), conv(norm(rows[..., None]))[..., 0]
    )


@pytest.mark.parametrize("affine", [True, False])
def test_a_linear_takes_the_normalisation_after_it(affine: bool) -> None:
    conv = torch.nn.Conv1d(3, 5, 2, bias=False).requires_grad_(False)
    norm = torch.nn.BatchNorm1d(5, affine=affine).eval()
    norm(conv(torch.rand(4, 3, 9)))
    frames = torch.rand(7, 3, 2)
    rows, out = frames.transpose(1, 2).flatten(1), torch.empty(7, 5)
    assert Linear.before_norm(conv, norm, CPU)(rows, out=out) is out
    torch.testing.assert_close(out, norm(conv(frames))[..., 0])
