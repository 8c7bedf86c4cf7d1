"""From waveforms to tapes and back: samples side by side, and no more in one pass than fits."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from pgvoice.hooks.encoders.accelerators import sent
from pgvoice.hooks.encoders.encoder import Waveform
from pgvoice.hooks.encoders.packing.tapes import Tape


def lay(waveforms: Sequence[Waveform], hop: int, margin: int) -> tuple[Waveform, list[int]]:
    """Samples with `margin` zeros around each waveform, and the hop on which each begins.

    Frames that are no longer than twice the margin touch one waveform alone.
    """
    starts, end = [], 0
    for waveform in waveforms:
        starts.append(end)
        end += -(-(waveform.size + margin) // hop)
    samples = np.zeros(end * hop + 2 * margin, np.float32)
    for start, waveform in zip(starts, waveforms, strict=True):
        first = margin + start * hop
        samples[first : first + waveform.size] = waveform
    return samples, starts


def frames_laid(tape: Tape, starts: Sequence[int]) -> Tensor:
    """The hops on which the frames of a tape begin, its segments laid from `starts`."""
    return sent(torch.tensor(starts), tape.device)[tape.owners] + tape.positions


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
        except RuntimeError as error:
            if stop - start == 1 or not _out_of_memory(error):
                raise
            budget = min(budget, sum(costs[start:stop])) // 2
        else:
            start = stop
    return rows


def _out_of_memory(error: RuntimeError) -> bool:
    """Memory is short where it is asked for, not later; CUDA's libraries say it in their way."""
    return isinstance(error, torch.OutOfMemoryError) or "ALLOC_FAILED" in str(error)


def _reach(costs: Sequence[int], start: int, budget: int) -> int:
    """The end of the longest run of items from `start` that fits, one item at the least."""
    stop, spent = start + 1, costs[start]
    while stop < len(costs) and spent + costs[stop] <= budget:
        spent += costs[stop]
        stop += 1
    return stop
