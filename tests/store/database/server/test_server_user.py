"""The server has the rights of its own user, and knows none of the secrets of who started it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from pgvoice_testkit.processes.servers import use
from pgvoice_testkit.servers.own_server import OwnServer

from pgvoice.store.database import embedded
from pgvoice.store.database.server import server_user

PROC = Path("/proc")


@pytest.fixture
def status(data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What Linux says of the postmaster; ``environ`` is its environment."""
    if not PROC.joinpath("self/status").exists():
        pytest.skip("processes are looked at in /proc")
    monkeypatch.setenv("PGVOICE_DATABASE_URL", "postgresql://me:s3cret@db/voices")
    monkeypatch.setenv("PGPASSWORD", "s3cret")
    monkeypatch.setenv("HF_TOKEN", "s3cret")
    monkeypatch.setenv("LC_MESSAGES", "C")
    monkeypatch.setenv("PGPORT", "5999")
    OwnServer(data_folder)
    pid = (data_folder / "postgres" / "postmaster.pid").read_text().split()[0]
    lines = (PROC / pid / "status").read_text().splitlines()
    found = dict(line.split(":", 1) for line in lines)
    found["environ"] = (PROC / pid / "environ").read_text()
    return found


def test_it_has_one_group(status: dict[str, str]) -> None:
    if os.geteuid() != 0:
        pytest.skip("the server runs as this user")
    identity = server_user.identity()
    assert set(status["Uid"].split()) == {str(identity["user"])}
    assert set(status["Gid"].split()) == {str(identity["group"])}
    assert status["Groups"].split() == []
    assert status["Umask"].split() == ["0077"]


def test_it_inherits_no_secrets(status: dict[str, str]) -> None:
    assert "s3cret" not in status["environ"]
    assert "PGPORT" not in status["environ"]
    assert "LC_MESSAGES=C" in status["environ"]


def test_initdb_and_pg_ctl_have_one_group() -> None:
    if os.geteuid() != 0:
        pytest.skip("the programs run as this user")
    before = os.getgroups()
    os.setgroups([0, 4, 24])
    try:
        told = subprocess.run(
            ["id", "-G"], capture_output=True, text=True, check=True, **server_user.identity()
        ).stdout
    finally:
        os.setgroups(before)
    assert told.split() == [str(server_user.identity()["group"])]


def test_a_port_of_the_environment_changes_nothing(
    data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a part of the socket's name; all users must agree on it."""
    monkeypatch.setenv("PGPORT", "5433")
    with use(data_folder):
        monkeypatch.setenv("PGPORT", "5434")
        with use(data_folder):
            assert embedded.start(data_folder).url.endswith("port=5432")
