"""Processes that use an embedded server, and the server's own process."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

#: Uses the server of a folder, prints that it is up, and ends after the next line of input.
USE = """
import sys
from pathlib import Path
from pgvoice.store.database import embedded
embedded.start(Path(sys.argv[1]))
print("up", flush=True)
sys.stdin.readline()
"""


def start_user(folder: Path) -> subprocess.Popen[str]:
    """A process that uses the server of a folder until the next line of input."""
    process = subprocess.Popen(
        [sys.executable, "-c", USE, folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    return process


@contextmanager
def use(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that uses the server of a folder, and ends at the end."""
    process = start_user(folder)
    yield process
    process.communicate("\n", timeout=60)
    assert process.returncode == 0


def server_pid(folder: Path) -> int:
    """The pid of the folder's server, as its file says."""
    return int((folder / "postgres" / "postmaster.pid").read_text().split()[0])


def lives(pid: int) -> bool:
    """Whether a process runs; one that only waits for its parent does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def wait_until_dead(pid: int) -> None:
    deadline = time.monotonic() + 20
    while lives(pid):
        assert time.monotonic() < deadline, f"process {pid} still runs"
        time.sleep(0.01)
