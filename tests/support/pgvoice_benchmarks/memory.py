"""Current and peak memory of processes."""

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
from pgvoice.store.database.server.settings import SHARED_MEMORY
from pgvoice_benchmarks.timing import Timed, timed

T = TypeVar("T")
#: Seconds between two measurements.
INTERVAL = 0.1
_STATUS = Path("/proc/self/status")


def peak_bytes() -> int:
    """Peak resident memory of this process.

    On Linux this is read from its status: the resource usage includes memory from before exec.
    """
    if _STATUS.exists() and (found := re.search(r"VmHWM:\s+(\d+) kB", _STATUS.read_text())):
        return int(found[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def own_bytes(process: psutil.Process | None = None) -> int:
    """Resident memory of a process (default: this one) that it does not share."""
    held = (process or psutil.Process()).memory_info()
    return int(held.rss - held.shared)


def server_bytes(server: EmbeddedServer) -> int:
    """Resident memory of a server's processes and their shared memory, without table buffers."""
    postmaster = psutil.Process(int((server.folder / "postmaster.pid").read_text().split()[0]))
    held = shutil.disk_usage(SHARED_MEMORY).used if SHARED_MEMORY.exists() else 0
    for process in (postmaster, *postmaster.children()):
        with suppress(psutil.NoSuchProcess):
            held += own_bytes(process)
    return held


def most_held(work: Callable[[], T], held: Callable[[], int]) -> tuple[Timed[T], int]:
    """The time of some work, and by how many bytes memory grows at most meanwhile."""
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
