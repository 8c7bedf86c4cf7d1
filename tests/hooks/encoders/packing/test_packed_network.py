from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pgvoice.hooks.encoders.packing.packed_network import run_within

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
