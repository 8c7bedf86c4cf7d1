"""``write_file``: a file is written completely or not at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def write_file(path: Path, data: bytes, *, overwrite: bool = False) -> None:
    """Create or replace a file; write to a pipe or a device.

    No reader ever sees a partial file, even if the writer is killed. A link is followed. Raises
    `FileExistsError` unless `overwrite` is given, and `OSError`.
    """
    if path.exists() and not path.is_file():
        path.write_bytes(data)
        return
    target = Path(os.path.realpath(path))
    if target.exists() and not overwrite:
        raise FileExistsError(f"{path} exists")
    beside = target.with_name(f".pgvoice-{secrets.token_hex(8)}")
    try:
        _write(beside, data, like=target)
        _place(beside, target, overwrite=overwrite)
    finally:
        beside.unlink(missing_ok=True)


def _write(path: Path, data: bytes, *, like: Path) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    if like.exists():
        path.chmod(like.stat().st_mode & 0o777)


def _place(beside: Path, target: Path, *, overwrite: bool) -> None:
    """Linking fails if the name was taken meanwhile; not every file system has links."""
    if not overwrite:
        try:
            os.link(beside, target)
        except FileExistsError:
            raise
        except OSError:
            if target.exists():
                raise FileExistsError(f"{target} exists") from None
        else:
            return
    beside.replace(target)
