"""Memory that is used again: where fresh memory is slow, it costs a tape more than most steps."""

from __future__ import annotations

import torch
from torch import Tensor


class Buffers:
    """Matrices by name, each as large as the largest that was asked for under it.

    A system hands out large blocks page by page, as they are first written to. An accelerator's
    memory Torch keeps itself, and should have it back when there is not enough.
    """

    def __init__(self, device: torch.device | str) -> None:
        self.device = torch.device(device)
        self._kept: dict[str, Tensor] = {}

    def matrix(self, name: str, rows: int, columns: int) -> Tensor:
        """``(rows, columns)`` of float32 that hold anything; the last one of that name is spent."""
        size = rows * columns
        if self.device.type != "cpu":
            return torch.empty(rows, columns, device=self.device)
        if name not in self._kept or self._kept[name].numel() < size:
            self._kept[name] = torch.empty(size)
        return self._kept[name][:size].view(rows, columns)
