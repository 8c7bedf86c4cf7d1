"""From waveforms to vectors, in passes that each fit the device's memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from pgvoice.hooks.encoders.encoder import Embeddings, Waveform
from pgvoice.hooks.encoders.packing.accelerators import Buffers, frame_budget, sent
from pgvoice.hooks.encoders.packing.bfloat16 import Bfloat16Products, products_in
from pgvoice.hooks.encoders.packing.tapes import Tape
from pgvoice.hooks.encoders.packing.threads import side_by_side
from pgvoice.hooks.encoders.waveforms import unit_rows

Found = TypeVar("Found")


class TapeFeatures(ABC):
    """Features of each waveform, less their mean over its frames."""

    def __init__(self, size: int, hop: int, margin: int, device: torch.device) -> None:
        """Frames of `size` samples every `hop`; `margin` zeros on both sides of a waveform."""
        self.size, self.hop, self.margin, self.device = size, hop, margin, device

    def frames(self, samples: int) -> int:
        """The number of frames of a waveform with its margins."""
        return (samples + 2 * self.margin - self.size) // self.hop + 1

    def __call__(self, waveforms: Sequence[Waveform]) -> tuple[Tensor, Tape]:
        """Features ``(frames, mels)``, and the tape that says which frames are whose."""
        tape = Tape([self.frames(waveform.size) for waveform in waveforms], self.device)
        samples, starts = lay(waveforms, self.hop, self.margin)
        hops = frames_laid(tape, starts)
        features = self._features(sent(torch.from_numpy(samples), self.device), hops, tape)
        for mean, segment in tape.beside(tape.means(features), features):
            segment.sub_(mean)
        return features, tape

    @abstractmethod
    def _features(self, samples: Tensor, hops: Tensor, tape: Tape) -> Tensor:
        """Log energies ``(frames, mels)`` of the frames that begin on these hops of `samples`."""


def lay(waveforms: Sequence[Waveform], hop: int, margin: int) -> tuple[Waveform, list[int]]:
    """All samples, with `margin` zeros around each waveform, and the hop on which each begins.

    A frame of up to twice the margin never covers two waveforms.
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
    """The hop on which each frame of the tape begins, given the first hop of each segment."""
    return sent(torch.tensor(starts), tape.device)[tape.owners] + tape.positions


class PackedNetwork(ABC):
    """A network in eval mode and float32 that encodes a tape of segments in one pass."""

    features: TapeFeatures
    #: An upper bound of the memory that a pass needs.
    bytes_per_frame: int
    #: ``tf32`` keeps 10 bits of each factor, ``bf16`` 7: faster on a card, but other vectors.
    precision = "ieee"
    #: Implementations for a CPU whose vectors differ by rounding only, the default first.
    KERNELS: tuple[str, ...] = ("torch",)
    #: Frames of a tape, if a trial chose them.
    tape_frames: int | None = None
    #: How kernels and tapes were chosen, in words; empty if nothing was to be chosen.
    chosen = ""

    def __init__(self, device: torch.device | str, kernels: str | None = None) -> None:
        """`kernels` is one of `KERNELS`."""
        self.device = torch.device(device)
        self.kernels = kernels or self.KERNELS[0]
        self._rounding = Bfloat16Products()

    def encode(self, waveforms: Sequence[Waveform]) -> Embeddings:
        """Rows of unit length ``(segments, dimension)``, in order.

        A CPU encodes as many tapes at a time as it has threads.
        """
        budget = frame_budget(self.device, self.bytes_per_frame)
        budget = min(self.tape_frames or budget, budget)
        encode = self._in_threads if self.device.type == "cpu" else self._in_passes
        rows = encode(waveforms, budget)
        # The only point that waits for the device: tapes are prepared while it computes.
        return unit_rows(torch.cat(rows).cpu().numpy())

    def _in_threads(self, waveforms: Sequence[Waveform], budget: int) -> list[Tensor]:
        threads, frames = torch.get_num_threads(), self._frames(waveforms)
        share = -(-sum(frames) // threads)
        unused: SimpleQueue[Buffers] = SimpleQueue()
        for _ in range(threads):
            unused.put(Buffers(self.device))

        def encode(tape: slice) -> Tensor:
            buffers = unused.get()
            try:
                return torch.cat(self._in_passes(waveforms[tape], budget, buffers))
            finally:
                unused.put(buffers)

        return side_by_side(encode, run_within(min(budget, share), frames, lambda tape: tape))

    def _in_passes(
        self, waveforms: Sequence[Waveform], budget: int, buffers: Buffers | None = None
    ) -> list[Tensor]:
        room, frames = buffers or Buffers(self.device), self._frames(waveforms)
        with products_in(self.precision, self._rounding):
            return run_within(budget, frames, lambda tape: self.run_tape(waveforms[tape], room))

    def _frames(self, waveforms: Sequence[Waveform]) -> list[int]:
        return [self.features.frames(waveform.size) for waveform in waveforms]

    @abstractmethod
    def run_tape(self, waveforms: Sequence[Waveform], buffers: Buffers) -> Tensor:
        """Vectors ``(segments, dimension)`` on the device, of any length."""


def run_within(budget: int, costs: Sequence[int], run: Callable[[slice], Found]) -> list[Found]:
    """Call `run` on consecutive items that together cost at most `budget`, at least one each time.

    If device memory runs out, the budget is halved and the call repeated, down to single items.
    """
    rows: list[Found] = []
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
    """Whether memory ran out; CUDA's libraries report it by a status in the message."""
    return isinstance(error, torch.OutOfMemoryError) or "ALLOC_FAILED" in str(error)


def _reach(costs: Sequence[int], start: int, budget: int) -> int:
    """The end of the longest affordable run of items from `start`, at least one item long."""
    stop, spent = start + 1, costs[start]
    while stop < len(costs) and spent + costs[stop] <= budget:
        spent += costs[stop]
        stop += 1
    return stop
