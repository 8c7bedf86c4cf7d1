"""A password in the URL is shown nowhere, and its TLS settings are obeyed."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from pgvoice_testkit.servers.databases import plain
from pgvoice_testkit.stores.filled import X, put
from sqlalchemy import make_url

from pgvoice.store import VoiceStore
from pgvoice.store.database import schema
from pgvoice.store.errors import DatabaseUnreachable

SECRET = "hunter2-very-secret"


@pytest.mark.parametrize("as_json", [[], ["--json"]])
@pytest.mark.parametrize(
    "command", [["doctor", "--no-torch"], ["db", "status"], ["db", "verify"], ["cache", "stats"]]
)
@pytest.mark.parametrize("in_query", [False, True])
def test_no_output_tells_it(
    pgvoice: Callable[..., Result],
    store_url: str,
    monkeypatch: pytest.MonkeyPatch,
    command: list[str],
    as_json: list[str],
    in_query: bool,
) -> None:
    url = make_url(store_url)
    good = url.update_query_dict({"password": SECRET}) if in_query else url.set(password=SECRET)
    for tried in (good, good.set(database="absent"), good.update_query_dict({"port": "1"})):
        monkeypatch.setenv("PGVOICE_DATABASE_URL", plain(tried))
        done = pgvoice(*command, *as_json)
        assert done.output
        assert SECRET not in done.output
        assert SECRET not in str(done.exception)


@pytest.mark.parametrize("in_query", [False, True])
def test_no_log_tells_it(store_url: str, caplog: pytest.LogCaptureFixture, in_query: bool) -> None:
    """Also with all logs on: of pgvoice, of its libraries, of every statement."""
    given = make_url(store_url)
    secret = given.update_query_dict({"password": SECRET})
    url = plain(secret if in_query else given.set(password=SECRET))
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "sqlalchemy")
    with VoiceStore.open(url) as store:
        schema.downgrade(store.database.engine, "0024")
        schema.upgrade(store.database.engine)
        put(store, "v", {(0, 1): X})
        told = repr(store.database) + str(store.database.url)
    with pytest.raises(DatabaseUnreachable) as caught:
        VoiceStore.open(url.replace("/pgvoice_test", "/absent"))
    told += "".join(traceback.format_exception(caught.value))
    assert "INSERT INTO pgvoice.video" in caplog.text
    assert SECRET not in caplog.text + told


def test_no_process_is_started_with_it(store_url: str, tmp_path: Path) -> None:
    """``psql`` here is a script that prints its arguments."""
    psql = tmp_path / "psql"
    psql.write_text(
        f"#!{sys.executable}\nimport os, sys\nprint(sys.argv)\n"
        "print(open(f'/proc/{os.getpid()}/cmdline').read()\n"
        "      if os.path.exists('/proc') else '')\n"
        "print(os.environ['PGPASSWORD'] == os.environ['EXPECTED'])\n"
    )
    psql.chmod(0o755)
    environment = os.environ | {
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "PGVOICE_DATABASE_URL": plain(make_url(store_url).set(password=SECRET)),
        "EXPECTED": SECRET,
    }
    done = subprocess.run(
        [sys.executable, "-m", "pgvoice.cli", "db", "shell", "-c", "SELECT 1"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert SECRET not in done.stdout + done.stderr
    assert "'-c', 'SELECT 1'" in done.stdout
    assert done.stdout.endswith("True\n")


@pytest.mark.parametrize("mode", ["require", "verify-full"])
def test_tls_that_the_url_asks_for_is_not_left_out(mode: str) -> None:
    """The listener refuses TLS as a server without certificates does, by the answer N."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                asked.append(connection.recv(8))
                connection.sendall(b"N")
                asked.append(connection.recv(8))

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        url = f"postgresql://u:{SECRET}@127.0.0.1:{port}/d?sslmode={mode}&sslrootcert=system"
        if mode == "require":
            url = url.replace("&sslrootcert=system", "")
        with pytest.raises(
            DatabaseUnreachable, match=r"^TLS with .*127\.0\.0\.1.* fails .*sslmode"
        ) as caught:
            VoiceStore.open(url)
        thread.join(10)
    assert asked == [bytes.fromhex("0000000804d2162f"), b""]
    assert SECRET not in str(caught.value)
