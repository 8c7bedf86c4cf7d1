"""How much memory processes hold, and held at most."""

from __future__ import annotations

import re
import resource
import shutil
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import psutil

from pgvoice.store.database.embedded import EmbeddedServer
from pgvoice.store.database.serving import SHARED_MEMORY
from pgvoice_benchmarks.timing import Timed, timed

T = TypeVar("T")
#: Seconds between two looks.
INTERVAL = 0.1
_STATUS = Path("/proc/self/status")


def peak_bytes() -> int:
    """Resident, since the process began.

    Linux counts what a process held before it became this program into its usage of resources, so
    there the status is asked.
    """
    if _STATUS.exists() and (found := re.search(r"VmHWM:\s+(\d+) kB", _STATUS.read_text())):
        return int(found[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def own_bytes(process: psutil.Process | None = None) -> int:
    """Resident in a process, by default this one, without what it shares with others."""
    held = (process or psutil.Process()).memory_info()
    return int(held.rss - held.shared)


def server_bytes(server: EmbeddedServer) -> int:
    """Resident in a server's processes and what they share, without the buffers of its tables."""
    postmaster = psutil.Process(int((server.folder / "postmaster.pid").read_text().split()[0]))
    held = shutil.disk_usage(SHARED_MEMORY).used if SHARED_MEMORY.exists() else 0
    for process in (postmaster, *postmaster.children()):
        with suppress(psutil.NoSuchProcess):
            held += own_bytes(process)
    return held


def most_held(work: Callable[[], T], held: Callable[[], int]) -> tuple[Timed[T], int]:
    """How long work takes, and how many bytes more than before it are held at most meanwhile."""
    before = held()
    looks = [before]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(INTERVAL):
            looks.append(held())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        return timed(work), max(looks) - before
    finally:
        done.set()
        watcher.join()
