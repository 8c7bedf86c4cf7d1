from __future__ import annotations

import pytest
import torch

from pgvoice.hooks.encoders.packing.accelerators import (
    CPU_BYTES,
    CPU_FRAMES,
    MAX_FRAMES,
    PRECISIONS,
    Buffers,
    float32_products,
    frame_budget,
    sent,
)

CPU, CARD = torch.device("cpu"), torch.device("cuda:0")
FULL = [setting.ieee for setting in PRECISIONS]
ROUNDED = [setting.tf32 for setting in PRECISIONS]


def test_the_budget_is_by_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _device: (8_000_000, 9_000_000))
    assert frame_budget(CPU, 1) == CPU_FRAMES
    assert frame_budget(CARD, 4_000) == 1000
    assert frame_budget(CARD, 1) == MAX_FRAMES
    assert frame_budget(CARD, 10**9) == 1
    assert frame_budget(torch.device("mps"), 1) > CPU_FRAMES


def test_the_tapes_of_many_threads_are_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 64)
    assert frame_budget(CPU, 123_000) == CPU_BYTES // 64 // 123_000 < CPU_FRAMES
    assert frame_budget(CPU, CPU_BYTES) == 1


def test_memory_that_torch_keeps_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _device: (1_000_000, 9_000_000))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda _device: 8_000_000)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda _device: 1_000_000)
    assert frame_budget(CARD, 4_000) == 1000


def test_on_a_cpu_nothing_is_copied() -> None:
    values = torch.ones(3)
    assert sent(values, CPU) is values


def test_products_are_of_whole_float32_and_the_process_keeps_its_choice() -> None:
    chosen = precisions()
    with float32_products("tf32"):
        assert precisions() == ROUNDED
        with float32_products():
            assert precisions() == FULL
        assert precisions() == ROUNDED
    assert precisions() == chosen


def test_a_thread_that_is_done_leaves_the_others_whole_float32() -> None:
    chosen = precisions()
    first, second = float32_products(), float32_products()
    try:
        for setting in PRECISIONS:
            setting.write(setting.tf32)
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert precisions() == FULL
        second.__exit__(None, None, None)
        assert precisions() == ROUNDED
    finally:
        for setting, kept in zip(PRECISIONS, chosen, strict=True):
            setting.write(kept)


def precisions() -> list[object]:
    return [setting.read() for setting in PRECISIONS]


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
