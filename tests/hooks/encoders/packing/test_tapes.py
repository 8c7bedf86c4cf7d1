from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pgvoice.hooks.encoders.packing.tapes import Tape

LENGTHS = st.lists(st.integers(7, 20), min_size=1, max_size=5)
#: As on a CPU, and as on an accelerator.
WAYS = pytest.mark.parametrize("whole", [False, True], ids=["one by one", "whole"])


@given(LENGTHS, st.sampled_from([(-1, 0, 1), (-6, 0, 6)]))
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


@given(st.lists(st.integers(1, 9), min_size=1, max_size=5), st.integers(1, 3))
def test_neighbours_beyond_the_edges_are_the_row_after_the_last(
    lengths: list[int], stride: int
) -> None:
    tape = Tape(lengths)
    frames = torch.cat([torch.rand(sum(lengths), 2), torch.zeros(1, 2)])
    thinned, rows = tape.within((-2, 0, 2), stride)
    gathered = frames[rows].view(-1, 6)
    for part, found in zip(tape.split(frames[:-1]), thinned.split(gathered), strict=True):
        padded = torch.nn.functional.pad(part.t(), (2, 2)).unfold(1, 5, stride)
        assert torch.equal(found, padded[..., ::2].permute(1, 2, 0).flatten(1))


@WAYS
@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_reductions_are_of_each_segment(lengths: list[int], whole: bool) -> None:
    tape, frames = Tape(lengths, whole=whole), torch.randn(sum(lengths), 3)
    parts = tape.split(frames)
    for sums in (tape.sums(frames), tape.row_sums(frames)):
        torch.testing.assert_close(sums, torch.stack([p.sum(0) for p in parts]))
    torch.testing.assert_close(tape.means(frames), torch.stack([p.mean(0) for p in parts]))
    assert torch.equal(tape.maxima(frames), torch.stack([p.amax(0) for p in parts]))


@WAYS
def test_rows_meet_the_frames_of_their_segment(whole: bool) -> None:
    tape, frames = Tape([1, 2], whole=whole), torch.tensor([[1.0], [2.0], [4.0]])
    for row, part in tape.beside(torch.tensor([[10.0], [20.0]]), frames):
        part.add_(row)
    assert frames.flatten().tolist() == [11, 22, 24]


@WAYS
def test_what_is_not_a_number_stays_in_its_segment(whole: bool) -> None:
    frames = torch.tensor([[torch.nan], [1.0], [torch.inf], [2.0]])
    tape = Tape([1, 1, 1, 1], whole=whole)
    for values in (tape.sums(frames), tape.row_sums(frames), tape.maxima(frames)):
        assert torch.equal(values.nan_to_num(-1), frames.nan_to_num(-1))
