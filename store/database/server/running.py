"""Starts, joins, leaves and removes the server of a data folder."""

from __future__ import annotations

import atexit
import shutil
import time
from contextlib import suppress
from pathlib import Path

from pgvoice.store.database.server import (
    folders,
    left_behind,
    lingering,
    locks,
    programs,
    sessions,
    settings,
)
from pgvoice.store.database.server.names import DATABASE, PORT
from pgvoice.store.errors import EmbeddedServerError

#: What Postgres says while processes of a killed server still run, or another one starts.
_WAIT_FOR = ("still in use", left_behind.PID_FILE)
#: What this process uses.
_uses: dict[Path, locks.Use] = {}


def join(folder: Path) -> None:
    """Use the server of a folder; the first user starts it, and the very first creates it."""
    duration = lingering.seconds()
    folders.check(folder)
    if not folder.exists():
        folders.make(folder)
        folders.check(folder)
    with locks.turn(folder):
        _stop_replaced(folder)
        _start(folder)
        if duration:
            lingering.keep(folder, duration)
        used = _uses.get(folder)
        if used is None or not used.lasts():
            _uses[folder] = locks.use(folder)
            atexit.unregister(_leave_all)
            atexit.register(_leave_all)


def leave(folder: Path) -> None:
    """Stop using the server; it stops unless it lingers or is in use."""
    used = _uses.pop(folder, None)
    if used is None:
        return
    duration = lingering.seconds()
    with locks.turn(folder):
        used.end()
        if duration:
            lingering.keep(folder, duration)
        if not lingering.is_kept(folder) and left_behind.settle(folder) and not _in_use(folder):
            _stop(folder)


def revive(folder: Path) -> bool:
    """Start the server again if it was killed; returns False if this process does not use it."""
    used = folder in _uses
    if used:
        join(folder)
    return used


def stop(folder: Path) -> bool:
    """Stop the server of a folder now; returns whether it ran.

    Raises `EmbeddedServerError` if it is in use.
    """
    with locks.turn(folder):
        return _stop_unused(folder, "stop")


def remove(folder: Path) -> None:
    """Stop the server of a folder and delete the folder.

    Raises `EmbeddedServerError` if it is in use.
    """
    with locks.turn(folder):
        used = _uses.pop(folder, None)
        if used is not None:
            used.end()
        _stop_unused(folder, "remove")
        shutil.rmtree(folder)


def _leave_all() -> None:
    for folder in list(_uses):
        with suppress(EmbeddedServerError, OSError):  # the folder may be gone, or the server busy
            leave(folder)


def _in_use(folder: Path) -> bool:
    """Whether any process uses a server that runs, or somebody is connected."""
    return locks.is_used(folder) or sessions.others(folder) > 0


def _stop_unused(folder: Path, what: str) -> bool:
    runs = left_behind.settle(folder)
    if locks.is_used(folder) or (runs and sessions.others(folder)):
        raise EmbeddedServerError(
            f"{folder} is in use: end the programs that use its server, then {what} it"
        )
    lingering.forget(folder)
    if runs:
        _stop(folder)
    return runs


def _stop_replaced(folder: Path) -> None:
    """Stop a server that could not load what belongs to it any more, unless it is in use."""
    if left_behind.is_replaced(folder) and left_behind.settle(folder) and not _in_use(folder):
        _stop(folder)


def _start(folder: Path) -> None:
    """Start the server unless it runs."""
    deadline = time.monotonic() + left_behind.STARTING_SECONDS
    while not left_behind.settle(folder):
        _create(folder)
        settings.add(folder)
        reasons = _try_to_start(folder)
        if reasons and (time.monotonic() >= deadline or not _may_pass(reasons)):
            raise OSError(reasons[-1])
        time.sleep(left_behind.STEP_SECONDS if reasons else 0)


def _create(folder: Path) -> None:
    folders.make_database_folder(folder)
    if not (folder / DATABASE / "PG_VERSION").exists():
        options = ("--auth=trust", "--encoding=utf8", "--username=postgres")
        programs.run(folder, "initdb", *options)


def _may_pass(reasons: list[str]) -> bool:
    return any(words in reason for reason in reasons for words in _WAIT_FOR)


def _try_to_start(folder: Path) -> list[str]:
    """Start it and wait until it answers; returns why it did not start."""
    database = folder / DATABASE
    log = database / "log"
    before = log.stat().st_size if log.exists() else 0
    options = f'-h "" -k {database} -p {PORT}'
    seconds = str(int(left_behind.STARTING_SECONDS))
    try:
        programs.run(folder, "pg_ctl", "-w", "-t", seconds, "-l", str(log), "-o", options, "start")
    except OSError as error:
        return [str(error), *_fatal(log, before)]
    return []


def _fatal(log: Path, start: int) -> list[str]:
    """The reasons for which a server gave up, of those written from `start` on."""
    with suppress(OSError):
        written = log.read_bytes()[start:].decode(errors="replace")
        found = [part.strip().splitlines()[0] for part in written.split("FATAL:")[1:]]
        # Those of a killed server end their connections at this moment.
        return [reason for reason in found if not reason.startswith("terminating")]
    return []


def _stop(folder: Path) -> None:
    try:
        programs.run(folder, "pg_ctl", "-w", "-m", "fast", "stop")
    except OSError as error:
        log = folder / DATABASE / "log"
        raise EmbeddedServerError(
            f"the embedded server in {folder} does not stop ({error}): see {log}"
        ) from error
