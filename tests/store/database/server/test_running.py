"""Nobody loses a server because somebody else leaves; a killed one starts again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import psutil
import psycopg
import pytest
from pgvoice_testkit.processes.servers import lives, server_pid, use, wait_until_dead

from pgvoice.store import VoiceStore
from pgvoice.store.database import embedded
from pgvoice.store.database.server import left_behind, running
from pgvoice.store.errors import EmbeddedServerError


def _short_command(folder: Path) -> None:
    """As ``pgvoice db status`` in another process."""
    subprocess.run(
        [sys.executable, "-m", "pgvoice.cli", "db", "status"],
        env=os.environ | {"PGVOICE_DATA": str(folder)},
        check=True,
        capture_output=True,
    )


def test_a_server_with_a_session_goes_on(data_folder: Path) -> None:
    """Of psql, or of a program that knows only the URL; it stops with the next user after that."""
    server = embedded.start(data_folder)
    pid = server_pid(data_folder)
    with psycopg.connect(server.url.replace("+psycopg", "")) as session:
        server.stop()
        assert session.execute("SELECT 1").fetchone() == (1,)
        _short_command(data_folder)
        assert session.execute("SELECT 1").fetchone() == (1,)
        with pytest.raises(EmbeddedServerError, match=f"{data_folder} is in use: end the programs"):
            embedded.remove(data_folder)
        assert session.execute("SELECT 1").fetchone() == (1,)
    assert lives(pid)
    _short_command(data_folder)
    wait_until_dead(pid)
    embedded.remove(data_folder)


def test_a_server_of_others_is_not_removed(data_folder: Path) -> None:
    with use(data_folder) as other:
        pid = server_pid(data_folder)
        with pytest.raises(EmbeddedServerError, match="is in use"):
            embedded.remove(data_folder)
        assert lives(pid)
        assert other.poll() is None
    assert not lives(pid)
    embedded.remove(data_folder)
    assert not data_folder.exists()


def test_own_connections_do_not_keep_the_server(data_folder: Path) -> None:
    store = VoiceStore.open(folder=data_folder)
    assert store.encoders.list() == []
    pid = server_pid(data_folder)
    assert store.database.server is not None
    store.database.server.stop()
    assert not lives(pid)
    store.close()


def test_an_open_store_goes_on_after_its_server_was_killed(data_folder: Path) -> None:
    with VoiceStore.open(folder=data_folder) as store:
        assert store.encoders.list() == []
        server = psutil.Process(server_pid(data_folder))
        processes = [server, *server.children()]
        server.kill()
        for process in processes:
            wait_until_dead(process.pid)
        assert store.encoders.list() == []
        assert store.database.server is not None
        store.database.server.stop()
        assert not store.database.server.revive()
        assert left_behind.postmaster(data_folder) is None


def test_a_server_that_recovers_is_waited_for(data_folder: Path) -> None:
    """One of its processes was killed; it then ends all others and reads its log again."""
    server = embedded.start(data_folder)
    url = server.url.replace("+psycopg", "")
    for _ in range(5):
        with closing(psycopg.connect(url)) as session:
            os.kill(session.info.backend_pid, signal.SIGKILL)
        _short_command(data_folder)
    server.stop()


def test_a_statement_that_outlives_its_server(
    data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until it ends, a start waits, and in the end says why; there are never two servers."""
    server = embedded.start(data_folder)
    with closing(psycopg.connect(server.url.replace("+psycopg", ""))) as session:
        backend = psutil.Process(session.info.backend_pid)
        session.pgconn.send_query(
            b"SELECT count(*) FROM (SELECT generate_series(1, 1000000000000)) AS many"
        )
        while backend.cpu_times().user < 0.1:
            time.sleep(0.01)
        pid = server_pid(data_folder)
        os.kill(pid, signal.SIGKILL)
        wait_until_dead(pid)
        monkeypatch.setattr(left_behind, "STARTING_SECONDS", 1.0)
        with pytest.raises(EmbeddedServerError, match=r"pre-existing .* still in use"):
            embedded.start(data_folder)
        monkeypatch.undo()
        starting = threading.Thread(target=embedded.start, args=(data_folder,))
        starting.start()
        starting.join(1)
        assert starting.is_alive()
        backend.kill()
        starting.join(60)
    assert left_behind.postmaster(data_folder) not in (None, pid)
    server.stop()


def test_a_pid_of_somebody_else_is_not_ended(data_folder: Path) -> None:
    """A planted or old postmaster.pid names an innocent process."""
    server = embedded.start(data_folder)
    server.stop()
    with subprocess.Popen(["sleep", "60"]) as innocent:
        planted = f"{innocent.pid}\n{server.folder}\n1\n5432\n{server.folder}\n\n1 1\nready\n"
        (server.folder / "postmaster.pid").write_text(planted)
        embedded.start(data_folder).stop()
        (server.folder / "postmaster.pid").write_text(planted)
        embedded.remove(data_folder)
        assert innocent.poll() is None
        innocent.kill()


def test_a_link_in_the_servers_folder_leads_root_nowhere(data_folder: Path, tmp_path: Path) -> None:
    """The server's user could make its settings a link to a file of root's."""
    if os.geteuid() != 0:
        pytest.skip("the server runs as this user")
    server = embedded.start(data_folder)
    server.stop()
    victim, settings = tmp_path / "victim", server.folder / "postgresql.conf"
    victim.write_text("root's\n")
    victim.chmod(0o644)
    settings.rename(server.folder / "kept")
    settings.symlink_to(victim)
    with pytest.raises(EmbeddedServerError, match=r"tee failed: .*Permission denied"):
        embedded.start(data_folder)
    assert victim.read_text() == "root's\n"
    (server.folder / "kept").replace(settings)


def test_a_server_that_does_not_start_says_why(data_folder: Path) -> None:
    server = embedded.start(data_folder)
    server.stop()
    settings = server.folder / "postgresql.conf"
    right = settings.read_text()
    settings.write_text(f"{right}shared_buffers = 9999999MB\n")
    with pytest.raises(EmbeddedServerError, match=r"start in .*postgresql.conf\" contains err"):
        embedded.start(data_folder)
    settings.write_text(right)


def test_leaving_a_folder_that_is_gone(data_folder: Path) -> None:
    running.leave(data_folder)
    assert list(data_folder.iterdir()) == []
