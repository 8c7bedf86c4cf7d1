"""What a server uses: processor seconds and memory, of all of its processes together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psutil

from pgvoice.store import VoiceStore

#: Seconds between two looks at the memory.
INTERVAL = 5.0


def processes(store: VoiceStore) -> list[psutil.Process]:
    """The postmaster, then its children."""
    server = store.database.server
    if server is None:
        raise ValueError("only an embedded server's processes can be found")
    pid = int((server.folder / "postmaster.pid").read_text().split()[0])
    postmaster = psutil.Process(pid)
    return [postmaster, *postmaster.children()]


def processor_seconds(store: VoiceStore) -> float:
    """Since the server's start, including processes that have ended."""
    postmaster, *children = processes(store)
    ended = postmaster.cpu_times()
    taken = ended.user + ended.system + ended.children_user + ended.children_system
    for child in children:
        with suppress(psutil.NoSuchProcess):
            used = child.cpu_times()
            taken += used.user + used.system
    return float(taken)


def resident_bytes(store: VoiceStore) -> int:
    """Resident memory of the server, its buffers included; what is shared is counted once."""
    held = 0
    for process in processes(store):
        with suppress(psutil.NoSuchProcess):
            held += process.memory_full_info().pss
    return held


@contextmanager
def peak_memory(store: VoiceStore) -> Iterator[Callable[[], int]]:
    """Gives a function that returns the most memory so far."""
    looks = [resident_bytes(store)]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(INTERVAL):
            looks.append(resident_bytes(store))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield lambda: max(looks)
    finally:
        done.set()
        watcher.join()
