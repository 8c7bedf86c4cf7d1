from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pgvoice.hooks.encoders.packing import CPU_FRAMES, Tape, frame_budget, run_within

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


def test_one_item_that_does_not_fit_is_an_error() -> None:
    def run(_part: slice) -> torch.Tensor:
        raise torch.OutOfMemoryError

    with pytest.raises(torch.OutOfMemoryError):
        run_within(1000, [10, 10, 10], run)


@given(
    st.lists(st.integers(7, 20), min_size=1, max_size=5), st.sampled_from([(-1, 0, 1), (-6, 0, 6)])
)
def test_neighbours_are_reflected_at_each_segment_s_own_edges(
    lengths: list[int], offsets: tuple[int, ...]
) -> None:
    tape, frames = Tape(lengths), torch.rand(sum(lengths), 2)
    for part, gathered in zip(
        tape.split(frames), tape.split(tape.gather(frames, offsets)), strict=True
    ):
        padded = torch.nn.functional.pad(part.t(), (offsets[-1],) * 2, mode="reflect").t()
        shifted = [padded[o - offsets[0] :][: len(part)] for o in offsets]
        assert torch.equal(gathered, torch.cat(shifted, dim=1))


def test_means_are_of_each_segment() -> None:
    assert Tape([1, 2]).means(torch.tensor([[1.0], [2.0], [4.0]])).tolist() == [[1.0], [3.0]]


def test_the_budget_is_by_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _device: (8_000_000, 9_000_000))
    assert frame_budget("cpu", 1) == CPU_FRAMES
    assert frame_budget("cuda:0", 4_000) == 1000
    assert frame_budget("cuda:0", 10**9) == 1
    assert frame_budget("mps", 1) > CPU_FRAMES
