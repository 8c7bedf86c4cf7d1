"""What the device needs: a tape that fits its memory, asynchronous copies, full float32."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import Lock
from typing import Any, NamedTuple

import torch
from torch import Tensor

#: Frames of a tape on a CPU: enough to keep its matrix products busy, few enough for its cache.
#: With 800 or 2400, ECAPA takes 1 to 6 % longer on an Intel Xeon (Emerald Rapids, 2 cores).
CPU_FRAMES = 1600
#: What the tapes of all threads of a CPU may take together, in bytes.
CPU_BYTES = 4 << 30
#: Twenty minutes of audio. With half as many, CAM++ is 13 to 20 % slower on an H200, which finishes
#: a pass before Python has started all kernels of the next; ECAPA is 3 % faster.
MAX_FRAMES = 120_000
#: One minute, on accelerators whose free memory is not known.
OTHER_FRAMES = 6_000
_BACKENDS: Any = torch.backends


class Precision(NamedTuple):
    """One of Torch's settings of float32 products, and its values for the two precisions."""

    read: Callable[[], Any]
    write: Callable[[Any], None]
    ieee: Any = "ieee"
    tf32: Any = "tf32"

    @classmethod
    def of(cls, holder: object, name: str, *values: Any) -> Precision:
        return cls(partial(getattr, holder, name), partial(setattr, holder, name), *values)


def _precisions() -> tuple[Precision, ...]:
    """Those of matrix products and of convolutions; CUDA's convolutions round by default."""
    if not hasattr(_BACKENDS.cudnn, "conv"):  # before Torch 2.9
        products = torch.get_float32_matmul_precision, torch.set_float32_matmul_precision
        return (
            Precision(*products, ieee="highest", tf32="high"),
            Precision.of(_BACKENDS.cudnn, "allow_tf32", False, True),
        )
    holders = (
        _BACKENDS.cuda.matmul,
        _BACKENDS.cudnn.conv,
        _BACKENDS.mkldnn.matmul,
        _BACKENDS.mkldnn.conv,
    )
    return tuple(Precision.of(holder, "fp32_precision") for holder in holders)


PRECISIONS = _precisions()


def frame_budget(device: torch.device, bytes_per_frame: int) -> int:
    """The number of frames of one tape: limited by memory, and on a CPU by its cache.

    A CPU has as many tapes at a time as threads.
    """
    if device.type == "cpu":
        most = CPU_BYTES // torch.get_num_threads() // bytes_per_frame
        return max(1, min(CPU_FRAMES, most))
    if device.type != "cuda":
        return OTHER_FRAMES
    free, _total = torch.cuda.mem_get_info(device)
    # Torch keeps freed memory and reuses it.
    free += torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return max(1, min(MAX_FRAMES, free // 2 // bytes_per_frame))


def sent(values: Tensor, device: torch.device) -> Tensor:
    """The values on the device; a copy to a CUDA device is queued and does not block."""
    if device.type != "cuda":
        return values.to(device)
    return values.pin_memory().to(device, non_blocking=True)


_lock = Lock()
#: What the threads that compute at this moment want, and what the process had before them.
_wanted: list[str] = []
_before: list[Any] = []


@contextmanager
def float32_products(precision: str = "ieee") -> Iterator[None]:
    """Compute products in full float32 (or ``tf32``) whatever the process allows elsewhere.

    PyTorch's settings are those of all threads: full float32 lasts while any thread wants it, and
    the process gets its own back when the last thread is done.
    """
    with _lock:
        if not _wanted:
            _before[:] = [setting.read() for setting in PRECISIONS]
        _wanted.append(precision)
        _set_wanted()
    try:
        yield
    finally:
        with _lock:
            _wanted.remove(precision)
            _set_wanted()


def _set_wanted() -> None:
    each = _before
    if _wanted:
        precision = "ieee" if "ieee" in _wanted else _wanted[-1]
        each = [getattr(setting, precision) for setting in PRECISIONS]
    for setting, value in zip(PRECISIONS, each, strict=True):
        setting.write(value)


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
