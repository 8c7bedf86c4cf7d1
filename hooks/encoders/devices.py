"""Where a model runs: the device asked for, or the best one there is."""

from __future__ import annotations

from pgvoice.hooks.errors import EncoderUnavailable
from pgvoice.hooks.extras import needs_extra


def choose_device(wanted: str | None = None) -> str:
    """``cuda:0``, ``mps`` or ``cpu``, in this order, unless one is asked for.

    Imports torch. Raises `EncoderUnavailable` for a device that is unknown or not present.
    """
    if wanted is None:
        return next(name for name in ("cuda:0", "mps", "cpu") if _present(name))
    name = "cuda:0" if wanted == "cuda" else wanted
    if not _present(name):
        raise EncoderUnavailable(
            f"the device {wanted!r} is not present here; leave the device out, or name one of: "
            + ", ".join(_all_present())
        )
    return name


def batch_seconds(device: str) -> int:
    """Audio for one call of an encoder: little on a CPU, as an interrupted fill loses a batch."""
    return 300 if device == "cpu" else 1800


def _present(name: str) -> bool:
    with needs_extra("extract"):
        import torch
    if name in ("cpu", "mps"):
        return name == "cpu" or torch.backends.mps.is_available()
    kind, _, index = name.partition(":")
    return kind == "cuda" and index.isdecimal() and int(index) < torch.cuda.device_count()


def _all_present() -> list[str]:
    import torch

    cards = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    return [*cards, *(name for name in ("mps", "cpu") if _present(name))]
