"""The settings that pgvoice adds to an embedded server's postgresql.conf."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from pgvoice.store.database.server import programs, server_user
from pgvoice.store.database.server.names import DATABASE

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


def add(folder: Path) -> None:
    """Add our settings to postgresql.conf, except those that pgvoice added before.

    As the server's user, who owns the file and could have made it a link to one of root's.
    """
    file = folder / DATABASE / "postgresql.conf"
    _, _, ours = file.read_text(encoding="utf-8").partition(_MARK)
    lines = "".join(
        f"# {why}\n{name} = {value}\n"
        for name, value, why in _settings(folder)
        if f"\n{name} = " not in ours
    )
    if lines:
        text = f"\n{_MARK}; settings further below override these.\n{lines}"
        server_user.run(["tee", "-a", file], text)


def _settings(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Each setting's name, its value and the reason for it."""
    if SHARED_MEMORY.is_dir() and shutil.disk_usage(SHARED_MEMORY).total < ENOUGH_SHARED_MEMORY:
        # Containers have 64 MB of it, too little to build an index with parallel workers.
        yield "dynamic_shared_memory_type", "mmap", f"{SHARED_MEMORY} is small"
    share = min(max(_memory() // 8, LEAST_BUFFERS), MOST_BUFFERS)
    if share > LEAST_BUFFERS:
        yield "shared_buffers", f"{share >> 20}MB", "keeps an index in memory"
    if programs.major(folder) >= AIO_VERSION:
        yield "io_method", "sync", "faster than a worker if the file is cached"
    yield "unix_socket_permissions", "0700", "only the user that the server runs as"
    yield "wal_recycle", "off", "deletes old log segments, which contain what was erased"
    yield "log_min_error_statement", "panic", "statements contain names and vectors"
    yield "log_error_verbosity", "terse", "details of errors contain rows"


def _memory() -> int:
    """Bytes of memory of the machine, or of its container."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        return min(machine, int(CONTAINER_LIMIT.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return machine
