"""``Tape``: where each segment's frames are when segments are laid end to end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from pgvoice.hooks.encoders.packing.accelerators import sent


class Tape:
    """The frames of several segments, one after the other, as matrices ``(frames, channels)``."""

    def __init__(
        self,
        lengths: Sequence[int],
        device: torch.device | str = "cpu",
        *,
        whole: bool | None = None,
    ) -> None:
        """`whole` processes all segments in one step, which suits an accelerator.

        A CPU is faster segment by segment, as each one's part of a matrix fits its cache.
        """
        self.lengths = list(lengths)
        self.device = torch.device(device)
        self.whole = self.device.type != "cpu" if whole is None else whole
        self._neighbours: dict[tuple[int, ...], Tensor] = {}

    @cached_property
    def sizes(self) -> Tensor:
        """`lengths`, on the device."""
        return sent(torch.tensor(self.lengths), self.device)

    @cached_property
    def owners(self) -> Tensor:
        """The number of each frame's segment, ``(frames,)``."""
        numbers = torch.arange(len(self.lengths), device=self.device)
        return numbers.repeat_interleave(self.sizes, output_size=sum(self.lengths))

    @cached_property
    def starts(self) -> Tensor:
        """The first frame of each segment, ``(segments,)``."""
        return self.sizes.cumsum(0) - self.sizes

    @cached_property
    def positions(self) -> Tensor:
        """Each frame's number within its segment, ``(frames,)``."""
        frames = torch.arange(sum(self.lengths), device=self.device)
        return frames - self.starts[self.owners]

    def split(self, activations: Tensor) -> tuple[Tensor, ...]:
        """A view ``(length, channels)`` of each segment."""
        return torch.split(activations, self.lengths)

    def sums(self, activations: Tensor) -> Tensor:
        """Sum over the frames of each segment: ``(segments, channels)``."""
        return self._reduced(activations, "sum")

    def row_sums(self, activations: Tensor) -> Tensor:
        """As `sums`, in one step, which suits many short segments of few channels."""
        if self.whole:
            return self.sums(activations)
        return F.embedding_bag(self._frames, activations, self.starts, mode="sum")

    @cached_property
    def _frames(self) -> Tensor:
        return torch.arange(sum(self.lengths), device=self.device)

    def means(self, activations: Tensor) -> Tensor:
        """Mean over the frames of each segment: ``(segments, channels)``."""
        return self.sums(activations).div_(self.sizes[:, None])

    def maxima(self, activations: Tensor) -> Tensor:
        """Maximum over the frames of each segment: ``(segments, channels)``."""
        return self._reduced(activations, "max")

    def _reduced(self, activations: Tensor, how: str) -> Tensor:
        if self.whole:
            # `unsafe` skips a check of the lengths, which would wait for a CUDA device.
            return torch.segment_reduce(activations, how, lengths=self.sizes, unsafe=True)
        reduce = torch.sum if how == "sum" else torch.amax
        return torch.stack([reduce(segment, 0) for segment in self.split(activations)])

    def beside(self, rows: Tensor, *matrices: Tensor) -> Iterator[tuple[Tensor, ...]]:
        """Each segment's row and views of its frames in `matrices`, for elementwise operations.

        On an accelerator this is a single step with a row for every frame.
        """
        if self.whole:
            yield rows.index_select(0, self.owners), *matrices
        else:
            yield from zip(rows, *map(self.split, matrices), strict=True)

    def gather(self, activations: Tensor, offsets: tuple[int, ...]) -> Tensor:
        """Each frame's neighbours at `offsets`, side by side: ``(frames, offsets * channels)``.

        A segment is reflected at its edges, so it must be longer than any offset.
        """
        rows = activations.index_select(0, self._reflected(offsets))
        return rows.view(len(activations), -1)

    def _reflected(self, offsets: tuple[int, ...]) -> Tensor:
        if offsets not in self._neighbours:
            wanted = self.positions[:, None] + torch.tensor(offsets, device=self.device)
            last = (self.sizes - 1)[self.owners][:, None]
            mirrored = last - (last - wanted.abs()).abs()
            self._neighbours[offsets] = (mirrored + self.starts[self.owners][:, None]).flatten()
        return self._neighbours[offsets]

    def within(self, offsets: tuple[int, ...], stride: int = 1) -> tuple[Tape, Tensor]:
        """The tape of every `stride`-th frame, and the rows of each one's neighbours, flat.

        Past a segment's edge it is the row after the tape's last frame, which should be zeros.
        """
        shorter = [-(-length // stride) for length in self.lengths]
        thinned = self if stride == 1 else Tape(shorter, self.device, whole=self.whole)
        steps = torch.tensor(offsets, device=self.device)
        wanted = thinned.positions[:, None] * stride + steps
        inside = (wanted >= 0) & (wanted < self.sizes[thinned.owners][:, None])
        rows = wanted + self.starts[thinned.owners][:, None]
        return thinned, rows.where(inside, sum(self.lengths)).flatten()
