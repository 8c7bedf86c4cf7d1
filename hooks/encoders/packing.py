"""Tapes: segments of any length laid end to end, so that one pass serves many without padding."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

#: Long enough to fill a CPU's products, short enough for its cache: the fastest of those measured.
#: From a quarter of this to twice as much the time of ECAPA differs by a tenth.
CPU_FRAMES = 1200
#: Enough to keep an accelerator busy; its memory may allow fewer.
MAX_FRAMES = 60_000


class Tape:
    """Where the frames of each segment lie; activations are matrices ``(frames, channels)``."""

    def __init__(self, lengths: Sequence[int], device: torch.device | str = "cpu") -> None:
        self.lengths = list(lengths)
        self.device = torch.device(device)
        self._neighbours: dict[tuple[int, ...], Tensor] = {}

    def split(self, activations: Tensor) -> tuple[Tensor, ...]:
        """A view ``(length, channels)`` for each segment."""
        return torch.split(activations, self.lengths)

    def means(self, activations: Tensor) -> Tensor:
        """Mean over the frames of each segment: ``(segments, channels)``."""
        return torch.stack([segment.mean(0) for segment in self.split(activations)])

    def gather(self, activations: Tensor, offsets: tuple[int, ...]) -> Tensor:
        """Each frame beside its neighbours at `offsets`: ``(frames, offsets * channels)``.

        Beyond a segment's edge its own frames are reflected, so it must be longer than any offset.
        """
        rows = activations.index_select(0, self._rows(offsets))
        return rows.view(len(activations), -1)

    def _rows(self, offsets: tuple[int, ...]) -> Tensor:
        if offsets not in self._neighbours:
            steps = torch.tensor(offsets)
            pieces, start = [], 0
            for length in self.lengths:
                pieces.append(start + _reflect(torch.arange(length)[:, None] + steps, length))
                start += length
            self._neighbours[offsets] = torch.cat(pieces).flatten().to(self.device)
        return self._neighbours[offsets]


def _reflect(positions: Tensor, length: int) -> Tensor:
    """Positions beyond 0 and ``length - 1`` are mirrored at these, which are not repeated."""
    last = length - 1
    return last - (last - positions.abs()).abs()


def frame_budget(device: torch.device | str, bytes_per_frame: int) -> int:
    """How many frames one tape should hold on a device: by the cache, or by the free memory."""
    kind = torch.device(device).type
    if kind == "cpu":
        return CPU_FRAMES
    if kind != "cuda":
        return MAX_FRAMES // 10
    free, _total = torch.cuda.mem_get_info(device)
    return max(1, min(MAX_FRAMES, free // 2 // bytes_per_frame))


def run_within(budget: int, costs: Sequence[int], run: Callable[[slice], Tensor]) -> list[Tensor]:
    """Calls `run` on consecutive items of at most `budget` together, one item at the least.

    Out of device memory halves the budget and tries again, down to one item at a time.
    """
    rows: list[Tensor] = []
    start = 0
    while start < len(costs):
        stop = _reach(costs, start, budget)
        try:
            rows.append(run(slice(start, stop)))
        except torch.OutOfMemoryError:
            if stop - start == 1:
                raise
            budget = min(budget, sum(costs[start:stop])) // 2
        else:
            start = stop
    return rows


def _reach(costs: Sequence[int], start: int, budget: int) -> int:
    """The end of the longest run of items from `start` that fits, one item at the least."""
    stop, spent = start + 1, costs[start]
    while stop < len(costs) and spent + costs[stop] <= budget:
        spent += costs[stop]
        stop += 1
    return stop
