"""Waits for a server that starts or stops, and cleans up after a killed one."""

from __future__ import annotations

import math
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pgvoice.store.database.server import server_user, sessions
from pgvoice.store.database.server.names import DATABASE, SOCKET
from pgvoice.store.errors import EmbeddedServerError

if TYPE_CHECKING:
    import psutil

#: How long a server may take until it answers, as it reads its log again after a crash.
STARTING_SECONDS = 60.0
STEP_SECONDS = 0.05
PID_FILE = "postmaster.pid"


def settle(folder: Path) -> bool:
    """Whether a server of the folder answers; waits for one that is starting or stopping.

    Deletes the files of a dead one. The pid in them is not trusted: another process may have it by
    now, or a kill left half a file. Raises `EmbeddedServerError` for a server that does not answer.
    """
    if sessions.refusal(folder) is None:
        return True
    deadline = time.monotonic() + STARTING_SECONDS
    while (pid := postmaster(folder)) is not None:
        refusal = sessions.refusal(folder)
        if refusal is None:
            return True
        if time.monotonic() >= deadline:
            raise EmbeddedServerError(
                f"the embedded server in {folder} (process {pid}) has not answered for"
                f" {STARTING_SECONDS:g} s ({refusal}): wait for it, or end the process"
            )
        time.sleep(STEP_SECONDS)
    _delete_files(folder)
    return False


def postmaster(folder: Path) -> int | None:
    """The process id of the folder's server; None if none runs."""
    import psutil  # takes long, and who joins a server that answers does not need it

    with suppress(OSError, ValueError, IndexError, psutil.Error):
        pid = int((folder / DATABASE / PID_FILE).read_text(encoding="utf-8").split()[0])
        if _serves(psutil.Process(pid), folder):
            return pid
    # It writes the file after it has started.
    return next((each.pid for each in psutil.process_iter() if _serves(each, folder)), None)


def is_replaced(folder: Path) -> bool:
    """Whether the folder's server runs a program that was deleted or installed again since.

    By what Postgres notes of its last start: the time, in whole seconds, and the command line.
    """
    with suppress(OSError, ValueError, IndexError):
        started = int((folder / DATABASE / PID_FILE).read_text(encoding="utf-8").split("\n")[2])
        command = (folder / DATABASE / "postmaster.opts").read_text(encoding="utf-8")
        return _changed(Path(command.split(' "')[0])) > started + 1
    return False


def _changed(program: Path) -> float:
    """When a file was last put in its place; at the end of all time if it is gone."""
    try:
        return program.stat().st_ctime
    except FileNotFoundError:
        return math.inf


def _serves(process: psutil.Process, folder: Path) -> bool:
    import psutil

    with suppress(psutil.Error):
        program, *arguments = process.cmdline() or [""]
        return (
            Path(program).name == "postgres"
            and str(folder / DATABASE) in arguments
            and process.uids().effective == server_user.uid()
        )
    return False


def _delete_files(folder: Path) -> None:
    """Postgres itself refuses to start while processes of the dead server still run."""
    for name in (PID_FILE, f"{SOCKET}.lock"):
        (folder / DATABASE / name).unlink(missing_ok=True)
