from __future__ import annotations

import torch

from pgvoice.hooks.encoders.packing.accelerators import Buffers


def test_memory_is_used_again_and_grows() -> None:
    buffers = Buffers(torch.device("cpu"))
    first = buffers.matrix("a", 4, 3)
    assert first.shape == (4, 3)
    smaller, other = buffers.matrix("a", 2, 5), buffers.matrix("b", 2, 5)
    assert smaller.shape == other.shape == (2, 5)
    assert smaller.data_ptr() == first.data_ptr() != other.data_ptr()
    assert buffers.matrix("a", 7, 3).shape == (7, 3)
    assert buffers.matrix("a", 4, 3).data_ptr() != first.data_ptr()


def test_an_accelerator_keeps_its_memory_itself() -> None:
    buffers = Buffers(torch.device("meta"))
    assert buffers.matrix("a", 4, 3).device.type == "meta"
    assert not buffers._kept
