"""What an accelerator asks for: memory to fill, copies that nobody waits for, whole float32."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

#: Long enough to fill a CPU's products, short enough for its cache: the fastest of those measured.
#: From half of this to twice as much the time of ECAPA differs by a fiftieth.
CPU_FRAMES = 2400
#: Ten minutes: enough to keep an accelerator busy while the next tape is laid.
MAX_FRAMES = 60_000
_BACKENDS: Any = torch.backends
#: Where torch may round the factors of float32 products; for CUDA's convolutions it does.
PRECISIONS: tuple[Any, ...] = (
    _BACKENDS.cuda.matmul,
    _BACKENDS.cudnn.conv,
    _BACKENDS.mkldnn.matmul,
    _BACKENDS.mkldnn.conv,
)


def frame_budget(device: torch.device | str, bytes_per_frame: int) -> int:
    """How many frames one tape should hold on a device: by the cache, or by the free memory."""
    kind = torch.device(device).type
    if kind == "cpu":
        return CPU_FRAMES
    if kind != "cuda":
        return MAX_FRAMES // 10
    free, _total = torch.cuda.mem_get_info(device)
    # Torch keeps what it has used, and uses it again.
    free += torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return max(1, min(MAX_FRAMES, free // 2 // bytes_per_frame))


def sent(values: Tensor, device: torch.device) -> Tensor:
    """On the device; a copy to a CUDA device is queued behind its work, and not waited for."""
    if device.type != "cuda":
        return values.to(device)
    return values.pin_memory().to(device, non_blocking=True)


@contextmanager
def float32_products(precision: str = "ieee") -> Iterator[None]:
    """Products of whole float32, whatever the process allows; or ``tf32``, to compare with."""
    before = [switch.fp32_precision for switch in PRECISIONS]
    try:
        for switch in PRECISIONS:
            switch.fp32_precision = precision
        yield
    finally:
        for switch, kept in zip(PRECISIONS, before, strict=True):
            switch.fp32_precision = kept
