"""Locks belong to a folder and its owner; whoever waits for one learns who holds it."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from pgvoice.store.database import embedded
from pgvoice.store.database.server import locks
from pgvoice.store.errors import EmbeddedServerError

#: Tries to share the lock on a file as the user ``nobody``.
SHARE = """
import fcntl, os, sys
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
try:
    fcntl.flock(open(sys.argv[1]), fcntl.LOCK_SH)
except PermissionError:
    print("refused")
"""


def test_another_user_cannot_take_it(data_folder: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can be another user for a while")
    server = embedded.start(data_folder)
    for name in (locks.TURN_FILE, locks.USERS_FILE):
        command = [sys.executable, "-c", SHARE, str(data_folder / name)]
        told = subprocess.run(command, capture_output=True, text=True, check=True, cwd="/")
        assert told.stdout == "refused\n"
    server.stop()


def test_nothing_is_left_outside_the_folder(data_folder: Path) -> None:
    """And a lock that somebody holds elsewhere stops nobody."""
    elsewhere = Path(tempfile.gettempdir())
    before = set(elsewhere.iterdir())
    taken = elsewhere / f".pgvoice-{os.geteuid()}.lock"
    with taken.open("a+") as file:
        fcntl.lockf(file, fcntl.LOCK_SH)
        server = embedded.start(data_folder)
        server.stop()
    ours = {path for path in set(elsewhere.iterdir()) - before if path != taken}
    assert not [path for path in ours if "pgvoice" in path.name or "PGSQL" in path.name]


def test_waiting_ends_with_the_file_and_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "WAIT_SECONDS", 0.0)
    with (
        locks.turn(tmp_path),
        pytest.raises(EmbeddedServerError) as caught,
        locks.turn(tmp_path),
    ):
        pass
    assert str(caught.value) == (
        f"{tmp_path / 'server.lock'} has been locked for 0 s, probably by process {os.getpid()}:"
        " wait for it or end it, then try again"
    )
    with locks.turn(tmp_path):
        pass


def test_folders_do_not_wait_for_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "WAIT_SECONDS", 0.0)
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    with locks.turn(one), locks.turn(two):
        used = locks.use(one)
        assert locks.is_used(one)
        assert not locks.is_used(two)
        used.end()
        assert not locks.is_used(one)


def test_threads_take_turns(tmp_path: Path) -> None:
    inside, most = [0], [0]

    def work() -> None:
        for _ in range(20):
            with locks.turn(tmp_path):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                inside[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]


def test_a_lock_on_a_deleted_file_is_not_enough(tmp_path: Path) -> None:
    """Who waits while the folder is removed takes turns with those who come later."""
    file = tmp_path / locks.TURN_FILE
    waiting = threading.Thread(target=_take, args=(tmp_path,))
    with locks.turn(tmp_path):
        waiting.start()
        file.unlink()
    waiting.join(20)
    assert not waiting.is_alive()
    assert file.exists()


def _take(folder: Path) -> None:
    with locks.turn(folder):
        assert (folder / locks.TURN_FILE).exists()


def test_a_forked_process_has_a_share(tmp_path: Path) -> None:
    used = locks.use(tmp_path)
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.read(ours, 1)
        os._exit(0)
    used.end()
    assert locks.is_used(tmp_path)
    os.write(theirs, b"x")
    os.waitpid(child, 0)
    assert not locks.is_used(tmp_path)
