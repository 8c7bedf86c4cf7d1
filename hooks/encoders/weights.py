"""Weights on disk: which file they are, and their tensors; a checkpoint's code is never run."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from pgvoice.hooks.errors import EncoderUnavailable

if TYPE_CHECKING:
    import torch


def digest(path: Path) -> str:
    """Hex sha256 of a file, read once in a process as long as its size and time stay the same.

    Raises `EncoderUnavailable` where there is no such file.
    """
    try:
        stat = path.stat()
        return _digest(path, stat.st_size, stat.st_mtime_ns)
    except OSError as error:
        raise EncoderUnavailable(f"the weights {path} cannot be read: {error.strerror}") from error


@lru_cache(maxsize=32)
def _digest(path: Path, _size: int, _changed_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_weights(path: Path, sha256: str) -> Mapping[str, torch.Tensor]:
    """A checkpoint's tensors, on the CPU, from the very file that `sha256` names."""
    import torch

    found = digest(path)
    if found != sha256:
        raise EncoderUnavailable(
            f"the weights {path} have the sha256 {found}, not {sha256}: the file was altered or "
            "replaced; delete it and fetch it again"
        )
    try:
        state: Mapping[str, torch.Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise EncoderUnavailable(f"{path} is not a checkpoint of tensors: {error}") from error
    return state


def fit_weights(network: torch.nn.Module, state: Mapping[str, torch.Tensor], path: Path) -> None:
    """Gives a network built on the meta device its weights, and sets it to inference.

    Raises `EncoderUnavailable` for a checkpoint of another topology.
    """
    try:
        network.load_state_dict(dict(state), strict=True, assign=True)
    except (RuntimeError, TypeError, ValueError, AttributeError) as error:
        raise EncoderUnavailable(f"the weights {path} do not fit: {error}") from error
    network.float().eval().requires_grad_(False)
