"""Whatever libpq takes for a database is accepted; what is shown has no password and no driver."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from pgvoice_testkit.servers.databases import plain
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import URL, create_engine, text

from pgvoice.store import VoiceStore
from pgvoice.store.database.connection import open_database
from pgvoice.store.database.urls import libpq_url, psycopg_url
from pgvoice.store.errors import DatabaseError

SECRET = "s3cret +%&?/@:'é"
#: What people write, and how it is shown.
SHOWN = {
    "postgres://h/d": "postgresql://h/d",
    "postgresql://u:s3cret@h:5433/d": "postgresql://u:***@h:5433/d",
    "postgresql+psycopg://u:s3cret@h/d": "postgresql://u:***@h/d",
    "postgresql+psycopg://u@h/d?password=s3cret": "postgresql://u:***@h/d",
    "postgresql://u:s3cret@h/d?password=s3cret": "postgresql://u:***@h/d",
    "postgresql://h/d?password=s3cret&sslpassword=s3cret": "postgresql://:***@h/d",
    "host=h dbname=d": "postgresql://h/d",
    " host = h port=5433 user=u password='s3cret' dbname=d": "postgresql://u:***@h:5433/d",
    "host=::1 user=u dbname=d": "postgresql://u@[::1]/d",
    "host=/tmp dbname=d": "postgresql:///d?host=%2Ftmp",
    "host=a,b port=5433 dbname=d": "postgresql:///d?host=a%2Cb&port=5433%2C5433",
    "postgresql://a:1,b:2/d": "postgresql:///d?host=a%2Cb&port=1%2C2",
    "service=voices": "postgresql://?service=voices",
    "dbname=d options='-c a=b'": "postgresql:///d?options=-c%20a%3Db",
    "postgresql://h/d?options=-c%20a%3Db": "postgresql://h/d?options=-c%20a%3Db",
    "postgresql+psycopg://h/d?options=-c+a%3Db": "postgresql://h/d?options=-c%20a%3Db",
    "postgresql://h/d?application_name=a%0Ab": "postgresql://h/d?application_name=a%0Ab",
}


@pytest.mark.parametrize("given", SHOWN)
def test_what_is_shown(given: str) -> None:
    url = psycopg_url(given)
    assert libpq_url(url) == SHOWN[given]
    assert url.drivername == "postgresql+psycopg"
    assert psycopg_url(libpq_url(url, hide_password=False)) == url
    assert repr(open_database(given)) == f"<Database {SHOWN[given]}>"


@pytest.mark.parametrize("given", [each for each in SHOWN if "+psycopg" not in each])
def test_it_means_what_it_means_to_libpq(given: str) -> None:
    """What SQLAlchemy hands to the driver, but the same port for several hosts."""
    _, options = create_engine(psycopg_url(given)).dialect.create_connect_args(psycopg_url(given))
    wanted = conninfo_to_dict(given)
    wanted |= {"port": "5433,5433"} if wanted.get("host") == "a,b" and "port=5433" in given else {}
    del options["context"]  # the dialect's own
    found = {name: str(value) for name, value in options.items() if value != ""}
    assert found == {name: str(value) for name, value in wanted.items()}
    shown = libpq_url(psycopg_url(given), hide_password=False)
    assert {k: v for k, v in conninfo_to_dict(shown).items() if v != ""} == wanted


def test_passwords_with_special_characters() -> None:
    url = URL.create("postgresql+psycopg", "u", SECRET, "h", database="d")
    assert conninfo_to_dict(libpq_url(url, hide_password=False))["password"] == SECRET
    assert psycopg_url(psycopg.conninfo.make_conninfo(user="u", password=SECRET, host="h",
                       dbname="d")) == url  # fmt: skip


@pytest.mark.parametrize(
    "given",
    [
        "mysql://u:s3cret@h/d", "postgresql+asyncpg://u:s3cret@h/d", "?", "voices", " ", "h=s3cret",
        "host=h password='s3cret", "postgresql://u:s3cret%zz@h/d", "postgresql+psycopg://u:s3cret:x",
    ],
)  # fmt: skip
def test_others_are_refused_without_their_password(given: str) -> None:
    with pytest.raises(DatabaseError, match=r"postgresql://user:password@host.* host=\.\.\. "):
        psycopg_url(given)
    with pytest.raises(DatabaseError) as caught:
        psycopg_url(given)
    assert "s3cret" not in str(caught.value)


def test_a_connection_string_and_a_service(
    store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = conninfo_to_dict(libpq_url(psycopg_url(store_url), hide_password=False))
    given = psycopg.conninfo.make_conninfo("", **parts)
    assert "://" not in given
    with VoiceStore.open(given) as store:
        assert store.encoders.list() == []
    services = tmp_path / "services"
    services.write_text("[voices]\n" + "".join(f"{name}={parts[name]}\n" for name in parts))
    monkeypatch.setenv("PGSERVICEFILE", str(services))
    monkeypatch.setenv("PGVOICE_DATABASE_URL", "service=voices")
    with open_database() as database, database.engine.connect() as connection:
        assert connection.scalar(text("SELECT current_database()")) == parts["dbname"]


def test_all_defaults() -> None:
    assert plain(psycopg_url("postgresql://")) == "postgresql+psycopg://"
