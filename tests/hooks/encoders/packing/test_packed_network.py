from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from pgvoice.hooks.encoders.encoder import Waveform
from pgvoice.hooks.encoders.packing.packed_network import TapeFeatures, frames_laid, lay, run_within
from pgvoice.hooks.encoders.packing.tapes import Tape

COSTS = st.lists(st.integers(1, 50), max_size=30)


def rows_of(part: slice) -> torch.Tensor:
    return torch.arange(part.start, part.stop)


@given(COSTS, st.integers(1, 200))
def test_every_item_is_run_once_in_order_and_within_the_budget(
    costs: list[int], budget: int
) -> None:
    parts = [row.tolist() for row in run_within(budget, costs, rows_of)]
    assert [item for part in parts for item in part] == list(range(len(costs)))
    assert all(len(part) == 1 or sum(costs[i] for i in part) <= budget for part in parts)


@given(COSTS, st.integers(50, 200))
def test_out_of_memory_halves_the_budget(costs: list[int], memory: int) -> None:
    def run(part: slice) -> torch.Tensor:
        if sum(costs[part]) > memory:
            raise torch.OutOfMemoryError
        return rows_of(part)

    parts = [row.tolist() for row in run_within(10_000, costs, run)]
    assert [item for part in parts for item in part] == list(range(len(costs)))


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    ],
    ids=["torch", "library"],
)
def test_one_item_that_does_not_fit_is_an_error(error: RuntimeError) -> None:
    tried: list[int] = []

    def run(part: slice) -> torch.Tensor:
        tried.append(part.stop - part.start)
        raise error

    with pytest.raises(RuntimeError) as raised:
        run_within(1000, [10, 10, 10], run)
    assert raised.value is error
    assert tried == [3, 1]


def test_another_error_is_not_tried_again() -> None:
    tried: list[slice] = []

    def run(part: slice) -> torch.Tensor:
        tried.append(part)
        raise RuntimeError("an illegal memory access was encountered")

    with pytest.raises(RuntimeError, match="illegal"):
        run_within(1000, [10, 10, 10], run)
    assert len(tried) == 1


@given(st.lists(st.integers(4, 60), min_size=1, max_size=6), st.integers(0, 4))
def test_frames_touch_one_waveform_alone(sizes: list[int], margin: int) -> None:
    waveforms = [np.full(size, number + 1, np.float32) for number, size in enumerate(sizes)]
    samples, starts = lay(waveforms, 3, margin)
    width = max(2 * margin, 4)
    tape = Tape([(size + 2 * margin - width) // 3 + 1 for size in sizes])
    frames = torch.from_numpy(samples).unfold(0, width, 3)[frames_laid(tape, starts)]
    for waveform, part in zip(waveforms, tape.split(frames), strict=True):
        alone = torch.from_numpy(np.pad(waveform, margin))
        assert torch.equal(part, alone.unfold(0, width, 3))


def test_features_are_less_their_mean(make_noise: Callable[[int, int], Waveform]) -> None:
    class Samples(TapeFeatures):
        def _features(self, samples: Tensor, hops: Tensor, tape: Tape) -> Tensor:
            return samples.unfold(0, self.size, self.hop)[hops]

    waveforms = [make_noise(seed, samples) for seed, samples in enumerate((40, 25))]
    features, tape = Samples(10, 5, 0, torch.device("cpu"))(waveforms)
    assert tape.lengths == [7, 4]
    for waveform, part in zip(waveforms, tape.split(features), strict=True):
        frames = torch.from_numpy(waveform).unfold(0, 10, 5)
        torch.testing.assert_close(part, frames - frames.mean(0))
