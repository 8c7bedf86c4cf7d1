"""The device, and the network that an encoder has on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from pgvoice.hooks import Encoder
from pgvoice.hooks.encoders.packing import packed_network

_BACKENDS: Any = torch.backends


def describe_device(device: str) -> str:
    """The card, its memory, and the libraries that matter for speed."""
    if not device.startswith("cuda"):
        return f"on {device}"
    card = torch.cuda.get_device_properties(device)
    return (
        f"{card.name}, {card.total_memory / 2**30:.0f} GiB, {card.multi_processor_count} "
        f"multiprocessors, CUDA {torch.version.cuda}, cuDNN {_BACKENDS.cudnn.version()}"
    )


def network_of(encoder: Encoder) -> Any:
    """The packed network inside, whose limits can be changed."""
    loaded: Any = encoder
    return loaded._loaded()


@contextmanager
def replaced(owner: Any, name: str, value: object) -> Iterator[None]:
    """An attribute with another value."""
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


@contextmanager
def tapes_of(frames: int) -> Iterator[None]:
    """Tapes of this many frames, whatever memory there is."""
    with replaced(packed_network, "frame_budget", lambda _device, _bytes: frames):
        yield
