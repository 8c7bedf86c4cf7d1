"""A server that a test may stop, kill and start again."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from pgvoice.store.database import embedded
from pgvoice.store.database.server import server_user
from pgvoice_testkit.servers.databases import migrate, temporary_folder


class OwnServer:
    """A Postgres in a folder, used by its URL like any other server."""

    def __init__(self, folder: Path) -> None:
        started = embedded.start(folder)
        self.url = started.url
        self._folder = started.folder
        self._options = (self._folder / "postmaster.opts").read_text().split(maxsplit=1)[1]
        self._program = (self._folder / "postmaster.opts").read_text().split()[0]

    def restart(self) -> None:
        self.stop()
        self.start()

    def stop(self) -> None:
        self._pg_ctl("stop", "-m", "fast")

    def start(self) -> None:
        """Start it, even if it was killed."""
        for lock in self._folder.glob(".s.PGSQL.*.lock"):
            lock.unlink()
        options = self._options.replace('"', '"').strip()
        arguments = " ".join(part for part in options.split(" ") if part)
        self._pg_ctl("start", "-l", str(self._folder / "log"), "-o", arguments)

    def kill(self) -> None:
        """Kill the postmaster with SIGKILL; its processes end too."""
        pid = int((self._folder / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and _children(pid):
            time.sleep(0.02)
        (self._folder / "postmaster.pid").unlink(missing_ok=True)

    def kill_and_start(self) -> None:
        self.kill()
        self.start()

    def crash(self) -> None:
        """Kill one process of the server, which then ends all connections and recovers."""
        with psycopg.connect(self.url.replace("+psycopg", "")) as connection:
            os.kill(connection.info.backend_pid, signal.SIGKILL)

    def terminate(self, like: str = "%") -> None:
        """End all other connections whose last statement is like the pattern."""
        with psycopg.connect(self.url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
                " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
                " AND query LIKE %s",
                (like,),
            )

    def _pg_ctl(self, command: str, *arguments: str) -> None:
        program = Path(self._program).with_name("pg_ctl")
        subprocess.run(
            [program, command, "-w", "-t", "60", "-D", self._folder, *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            **server_user.identity(),
        )


def _children(pid: int) -> list[str]:
    return subprocess.run(
        ["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False
    ).stdout.split()


@contextmanager
def own_server() -> Iterator[OwnServer]:
    """A running server with pgvoice's tables."""
    with temporary_folder() as folder:
        server = OwnServer(folder)
        migrate(make_url(server.url))
        yield server
