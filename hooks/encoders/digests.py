"""The hash of a weights file, which is the revision of an encoder."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from pgvoice.hooks.errors import EncoderUnavailable


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
