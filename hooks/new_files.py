"""``new_file``: writes a file as a whole, under its own name and never through a link."""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

#: Permissions of a file, less the umask, and of one that only its owner may read.
ANYBODY, OWNER = 0o666, 0o600
#: The folders whose links stand for what processes have open.
_OPEN = re.compile(r"/dev|/proc/\d+(/task/\d+)?/fd")


@contextmanager
def new_file(path: Path, *, mode: int = ANYBODY, overwrite: bool = False) -> Iterator[BinaryIO]:
    """Gives a file to write to, which takes its name when it is complete.

    No reader ever sees a partial file, even if the writer is killed. With `overwrite`, it replaces
    a file, whose permissions it keeps, or a link, whose target stays as it is. A pipe, a device and
    /dev/stdout are written to; what only its owner may read is not written to another user's pipe.
    Raises `FileExistsError` unless `overwrite` is given, and `OSError`.
    """
    found = _status(path)
    if found is not None and mode == OWNER and _is_anothers_pipe(found):
        raise _error(errno.EACCES, path)
    if found is not None and _is_open(path, found):
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND), "wb") as stream:
            yield stream
        return
    if found is not None and stat.S_ISDIR(found.st_mode):
        raise _error(errno.EISDIR, path)
    if found is not None and not overwrite:
        raise _error(errno.EEXIST, path)
    beside = path.with_name(f".pgvoice-{secrets.token_hex(8)}")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except OSError as error:
        raise _error(error.errno or errno.EIO, path) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if found is not None and stat.S_ISREG(found.st_mode):
            beside.chmod(found.st_mode & 0o777)
        _place(beside, path, overwrite=overwrite)
    finally:
        beside.unlink(missing_ok=True)


def write_file(path: Path, data: bytes, *, overwrite: bool = False) -> None:
    """Write a file that anybody may read, as `new_file` does."""
    with new_file(path, overwrite=overwrite) as file:
        file.write(data)


def _error(number: int, path: Path) -> OSError:
    """An error of the kind that belongs to this number."""
    return OSError(number, os.strerror(number), str(path))


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except FileNotFoundError:
        return None


def _is_open(path: Path, found: os.stat_result) -> bool:
    """Whether the name stands for something to write into, rather than for a file.

    A link does only if it stands for what the process has open: /dev/stdout, /dev/fd/1.
    """
    if stat.S_ISLNK(found.st_mode):
        return _OPEN.fullmatch(str(path.parent.resolve())) is not None
    return stat.S_ISFIFO(found.st_mode) or stat.S_ISCHR(found.st_mode)


def _is_anothers_pipe(found: os.stat_result) -> bool:
    return stat.S_ISFIFO(found.st_mode) and found.st_uid != os.geteuid()


def _place(beside: Path, path: Path, *, overwrite: bool) -> None:
    """Linking fails if the name was taken meanwhile; not every file system has links."""
    if not overwrite:
        try:
            os.link(beside, path)
        except FileExistsError:
            raise
        except OSError:
            if _status(path) is not None:
                raise _error(errno.EEXIST, path) from None
        else:
            return
    beside.replace(path)
