"""URLs and settings, and the messages of refused connections."""

from __future__ import annotations

from pathlib import Path

import pytest
from pgvoice_testkit.servers.databases import engine_of, new_database, plain, role, run
from sqlalchemy import make_url, text

from pgvoice.store import VoiceStore
from pgvoice.store.database import embedded
from pgvoice.store.database.connection import open_database
from pgvoice.store.database.urls import psycopg_url
from pgvoice.store.errors import DatabaseError, DatabaseUnreachable, WrongPassword


def test_the_setting_names_the_database(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGVOICE_DATABASE_URL", store_url)
    with open_database() as database:
        assert database.url.database == make_url(store_url).database
        assert database.server is None


def test_nobody_answers() -> None:
    refused = "postgresql://u:secret@127.0.0.1:1/d?password=secret&connect_timeout=3"
    refusal = r"127\.0\.0\.1:1/.*PGVOICE_DATABASE_URL"
    with pytest.raises(DatabaseUnreachable, match=refusal) as caught:
        VoiceStore.open(refused)
    assert "secret" not in str(caught.value)


def test_no_such_database(server_url: str) -> None:
    url = psycopg_url(server_url).set(database="pgvoice_test_absent")
    with pytest.raises(DatabaseUnreachable, match="does not exist"):
        VoiceStore.open(plain(url))


def test_a_wrong_password_and_one_in_a_file(
    data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = embedded.start(data_folder)
    rules = server.folder / "pg_hba.conf"
    rules.write_text("local all pgvoice_test_locked scram-sha-256\n" + rules.read_text())
    with new_database(server.url) as url, role(url, "pgvoice_test_locked") as login:
        with engine_of(url) as engine:
            run(engine, "SELECT pg_reload_conf()")
        with pytest.raises(WrongPassword, match="check user and password") as caught:
            VoiceStore.open(plain(login.set(password="wr0ng")))
        passwords = tmp_path / "passwords"
        passwords.write_text("*:*:*:pgvoice_test_locked:right\n")
        passwords.chmod(0o600)
        monkeypatch.setenv("PGPASSFILE", str(passwords))
        with (
            open_database(plain(login.set(password=None))) as database,
            database.engine.connect() as connection,
        ):
            assert connection.scalar(text("SELECT current_user")) == login.username
    assert "wr0ng" not in str(caught.value)


def test_errors_after_connecting_stay_what_they_are(store: VoiceStore) -> None:
    with (
        store.database.engine.connect() as connection,
        pytest.raises(Exception, match="no_such_table") as caught,
    ):
        connection.execute(text("SELECT * FROM no_such_table"))
    assert not isinstance(caught.value, DatabaseError)
