"""Lets a server run for a while after its last use, so that the next command need not start it.

A small process, the watcher, waits for the end of that time and then has the server stopped. It
reads a FIFO in the data folder: if somebody reads it, there is a watcher. The kernel notices if it
was killed. All functions but `seconds` are for who has the folder's turn (`locks.turn`).
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from pgvoice.store.database.server import server_user, watcher
from pgvoice.store.database.server.left_behind import PID_FILE
from pgvoice.store.database.server.names import DATABASE, LINGER_VARIABLE
from pgvoice.store.errors import EmbeddedServerError

FIFO = "linger"


def seconds() -> int:
    """How long servers stay up after this process used them; 0 unless the setting says so."""
    named = os.environ.get(LINGER_VARIABLE, "").strip()
    if not named.isascii() or not (named or "0").isdigit() or len(named) > len("31536000"):
        raise EmbeddedServerError(
            f"{LINGER_VARIABLE} is {named!r}: set it to a number of seconds, or to 0"
        )
    return int(named or 0)


def keep(folder: Path, duration: int) -> None:
    """Let the server run for some seconds from now on, and then until nobody uses it."""
    if not _tell(folder, f"{duration}\n") and sys.executable:
        _watch(folder, duration)


def is_kept(folder: Path) -> bool:
    """Whether a watcher will stop the server."""
    return _tell(folder, "")


def forget(folder: Path) -> None:
    """End the watcher; for who stops the server."""
    with suppress(FileNotFoundError):
        descriptor = os.open(folder / FIFO, os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW)
        (folder / FIFO).unlink()
        _write(descriptor, "\n")


def _tell(folder: Path, text: str) -> bool:
    """Write to the watcher; False if there is none."""
    try:
        descriptor = os.open(folder / FIFO, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:
        return False
    _write(descriptor, text)
    return True


def _write(descriptor: int, text: str) -> None:
    try:
        with suppress(OSError):  # it has not read what others wrote, or was killed at this moment
            os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def _watch(folder: Path, duration: int) -> None:
    fifo = folder / FIFO
    fifo.unlink(missing_ok=True)
    os.mkfifo(fifo, 0o600)
    # To read and to write, so that it does not end with the last one who writes.
    descriptor = os.open(fifo, os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW)
    arguments = (fifo, duration, folder / DATABASE / PID_FILE)
    stop = (sys.executable, "-P", "-m", __package__, folder)
    program = (sys.executable, "-I", "-S", watcher.__file__)
    try:
        subprocess.run(  # noqa: S603
            [str(part) for part in (*program, *arguments, *stop)],
            stdin=descriptor,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env=_environment(),
            start_new_session=True,
            check=False,
        )
    finally:
        os.close(descriptor)


def _environment() -> dict[str, str]:
    """What Python needs to find pgvoice again, and none of our secrets."""
    found = server_user.environment()
    found |= {name: value for name, value in os.environ.items() if name.startswith("PYTHON")}
    if "PYTHONPATH" in found:
        parts = found["PYTHONPATH"].split(os.pathsep)
        found["PYTHONPATH"] = os.pathsep.join(str(Path(part).absolute()) for part in parts if part)
    return found
