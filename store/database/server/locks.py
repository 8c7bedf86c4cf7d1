"""Locks in a data folder: one process at a time starts or stops the server, and who uses it.

The kernel releases a killed process' locks, so nothing is ever left behind.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pgvoice.store.errors import EmbeddedServerError

#: Held by who starts, joins, leaves or removes the server; it contains the pid of the last one.
TURN_FILE = "server.lock"
#: Shared by all processes that use the server.
USERS_FILE = "users.lock"
#: How long to wait for others: longer than a server takes to start or stop.
WAIT_SECONDS = 120.0
_STEP_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Use:
    """A process' share in a folder's server; a process forked from it has a share too."""

    descriptor: int
    file: Path

    def lasts(self) -> bool:
        """Whether the folder was not deleted in the meantime."""
        return _is_at(self.descriptor, self.file)

    def end(self) -> None:
        os.close(self.descriptor)


@contextmanager
def turn(folder: Path) -> Iterator[None]:
    """Work on the folder's server while other processes and threads wait.

    Raises `EmbeddedServerError` if somebody else does not finish.
    """
    descriptor = _locked(folder / TURN_FILE, fcntl.LOCK_EX)
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)  # a process forked meanwhile has it open too
        os.close(descriptor)


def use(folder: Path) -> Use:
    """Be a user of the folder's server until `Use.end`, or until this process ends."""
    file = folder / USERS_FILE
    return Use(_locked(file, fcntl.LOCK_SH), file)


def is_used(folder: Path) -> bool:
    """Whether any process uses the folder's server."""
    descriptor = _opened(folder / USERS_FILE)
    try:
        return not _try(descriptor, fcntl.LOCK_EX)
    finally:
        os.close(descriptor)


def _locked(file: Path, how: int) -> int:
    """A descriptor of the file with the lock; opens it again if it is deleted meanwhile."""
    deadline = time.monotonic() + WAIT_SECONDS
    descriptor = _opened(file)
    while not _try(descriptor, how) or not _is_at(descriptor, file):
        if time.monotonic() >= deadline:
            os.close(descriptor)
            raise EmbeddedServerError(_who_blocks(file))
        time.sleep(_STEP_SECONDS)
        if not _is_at(descriptor, file):
            os.close(descriptor)
            descriptor = _opened(file)
    return descriptor


def _opened(file: Path) -> int:
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    os.fchmod(descriptor, 0o600)
    return descriptor


def _try(descriptor: int, how: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
        return True
    return False


def _is_at(descriptor: int, file: Path) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(descriptor), file.stat())
    return False


def _who_blocks(file: Path) -> str:
    last = file.read_text(encoding="utf-8").strip()
    return (
        f"{file} has been locked for {WAIT_SECONDS:g} s, "
        + (f"probably by process {last}" if last else "by a process of this user")
        + ": wait for it or end it, then try again"
    )
