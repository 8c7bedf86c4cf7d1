"""The device that a model runs on: the requested one, or the best available."""

from __future__ import annotations

from pgvoice.hooks.errors import EncoderUnavailable
from pgvoice.hooks.extras import needs_extra


def choose_device(wanted: str | None = None) -> str:
    """The requested device, else the first available of ``cuda:0``, ``mps`` and ``cpu``.

    Imports torch. Raises `EncoderUnavailable` for an unknown or missing device.
    """
    if wanted is None:
        return next(name for name in ("cuda:0", "mps", "cpu") if _present(name))
    name = "cuda:0" if wanted == "cuda" else wanted
    if not _present(name):
        raise EncoderUnavailable(
            f"this machine has no device {wanted!r}; leave the device out, or choose one of: "
            + ", ".join(_all_present())
        )
    return name


def batch_seconds(device: str) -> int:
    """Seconds of audio for one call of an encoder: an interrupted fill loses one batch."""
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
