"""Memory that is reused: on a CPU, allocating it again costs a tape more than most steps."""

from __future__ import annotations

import torch
from torch import Tensor


class Buffers:
    """Matrices by name, each as large as the largest that was requested under that name.

    An operating system maps large blocks page by page as they are first written. An accelerator's
    memory is cached by Torch, which must be able to free it when memory is short.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._kept: dict[str, Tensor] = {}

    def matrix(self, name: str, rows: int, columns: int) -> Tensor:
        """Uninitialised float32 ``(rows, columns)``; overwrites the last matrix of that name."""
        size = rows * columns
        if self.device.type != "cpu":
            return torch.empty(rows, columns, device=self.device)
        if name not in self._kept or self._kept[name].numel() < size:
            self._kept[name] = torch.empty(size)
        return self._kept[name][:size].view(rows, columns)
