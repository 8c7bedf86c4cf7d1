"""A file that is written whole, or not at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def write_file(path: Path, data: bytes, *, overwrite: bool = False) -> None:
    """Write a new file, or put another one in a file's place; a pipe or a device is written to.

    Nobody ever sees a part of it, also not when the writer is killed. Through a link it is the
    file that it leads to. Raises `FileExistsError` unless `overwrite`, and `OSError`.
    """
    if path.exists() and not path.is_file():
        path.write_bytes(data)
        return
    target = Path(os.path.realpath(path))
    if target.exists() and not overwrite:
        raise FileExistsError(f"{path} is there already")
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
    """A link to a name that somebody took meanwhile fails; not all file systems have links."""
    if not overwrite:
        try:
            os.link(beside, target)
        except FileExistsError:
            raise
        except OSError:
            if target.exists():
                raise FileExistsError(f"{target} is there already") from None
        else:
            return
    beside.replace(target)
