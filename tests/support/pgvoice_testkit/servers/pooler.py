"""PgBouncer in front of a server, in transaction mode."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, make_url

from pgvoice_testkit.servers.databases import temporary_folder

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
PORT = 6432


@contextmanager
def pooler(server_url: str, *, sessions: int = 20, clients: int = 100) -> Iterator[URL]:
    """A URL that reaches the server's databases through PgBouncer."""
    assert PROGRAM is not None
    server = make_url(server_url)
    with temporary_folder() as folder:
        folder.chmod(0o777)
        settings = folder / "pgbouncer.ini"
        settings.write_text(_settings(server, folder, sessions, clients))
        with (folder / "log").open("wb") as log:
            running = subprocess.Popen(
                [PROGRAM, settings], stdout=log, stderr=log, cwd="/", user=_user(server)
            )
        try:
            _wait(folder / f".s.PGSQL.{PORT}", folder / "log")
            yield server.set(query={"host": str(folder)}, host=None, port=PORT)
        finally:
            running.terminate()
            running.wait()


def _user(server: URL) -> str | None:
    """The user to run as instead of root: one who can reach the server's socket."""
    if os.geteuid() != 0:
        return None
    host = server.query.get("host")
    return Path(str(host)).owner() if host else "nobody"


def _settings(server: URL, folder: Path, sessions: int, clients: int) -> str:
    host = server.query.get("host") or server.host
    parts = {
        "host": host,
        "port": server.port or 5432,
        "user": server.username,
        "password": server.password,
    }
    address = " ".join(f"{name}={value}" for name, value in parts.items() if value)
    return f"""[databases]
* = {address}
[pgbouncer]
pool_mode = transaction
auth_type = any
listen_addr =
listen_port = {PORT}
unix_socket_dir = {folder}
default_pool_size = {sessions}
max_client_conn = {clients}
query_wait_timeout = 20
"""


def _wait(place: Path, log: Path) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with socket.socket(socket.AF_UNIX) as client:
            try:
                client.connect(str(place))
            except OSError:
                time.sleep(0.01)
            else:
                return
    raise AssertionError(log.read_text())
