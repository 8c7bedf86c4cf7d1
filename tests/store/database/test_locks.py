"""Nobody without a part in the work can stop it, and whoever waits is told what for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
from pgvoice_testkit.servers.databases import engine_of, plain, role, run
from pgvoice_testkit.stores.filled import ENCODER, X, Y, put
from psycopg.errors import CheckViolation, ForeignKeyViolation, InsufficientPrivilege
from sqlalchemy import text

from pgvoice.store import VoiceStore
from pgvoice.store.database import schema
from pgvoice.store.errors import IndexBusy, LockHeld
from pgvoice.store.models import LOCKS

#: The names of the advisory locks that an older pgvoice waited for.
ADVISORY = ("schema", "enrollment", "labels", "index", "fill v", "fill new")
GROUPS = ("pgvoice_reader", "pgvoice_searcher", "pgvoice_writer", "pgvoice_admin")


@pytest.fixture
def library(store: VoiceStore) -> VoiceStore:
    put(store, "v", {(0, 1): X, (1, 2): Y})
    store.people.enroll_segments("ann", "v", [(0, 1)], min_speech=1)
    return store


@pytest.fixture
def hasty_url(store_url: str) -> str:
    """The store for a user who waits a second for locks."""
    mark = "&" if "?" in store_url else "?"
    return f"{store_url}{mark}options=-c%20lock_timeout%3D1000"


@contextmanager
def _login(url: str, group: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    name = f"{group}_who_waits"
    with role(url, name) as login:
        with engine_of(url) as engine:
            run(engine, f"GRANT {group} TO {name}")
        with psycopg.connect(plain(login).replace("+psycopg", "")) as connection:
            yield connection


@contextmanager
def _somebody(url: str, statement: str) -> Iterator[int]:
    """A transaction of the owner's that ran a statement and stays open; gives its process."""
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute(statement.encode())
        yield connection.info.backend_pid
        connection.rollback()


def _all_work(store: VoiceStore) -> None:
    schema.upgrade(store.database.engine)
    schema.give_roles(store.database.engine)
    store.people.enroll_segments("bob", "v", [(1, 2)], min_speech=1)
    store.labels.label()
    for video in ("v", "new"):
        with store.recordings.filling(video):
            put(store, video, {(5, 6): X})
    assert store.index.build().built == ["segment_embedding"]


@pytest.mark.skipif("config.getoption('--partitions') > 1", reason="names the only table")
def test_advisory_locks_stop_nobody(library: VoiceStore, store_url: str, hasty_url: str) -> None:
    with (
        _login(store_url, "pgvoice_reader") as reader,
        VoiceStore.open(hasty_url) as store,
    ):
        for name in ADVISORY:
            reader.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", (f"pgvoice.{name}",))
        reader.commit()
        _all_work(store)


@pytest.mark.skipif("config.getoption('--partitions') > 1", reason="names the only table")
@pytest.mark.parametrize("group", GROUPS[:3])
def test_what_is_tried_in_vain_stops_nobody(
    library: VoiceStore, store_url: str, hasty_url: str, group: str
) -> None:
    """Each attempt fails, in a transaction that stays open, and keeps no lock."""
    with _login(store_url, group) as login, VoiceStore.open(hasty_url) as store:
        for statement in (
            "COMMENT ON SCHEMA pgvoice IS 'mine'",
            "DROP SCHEMA pgvoice",
            "SELECT FROM pgvoice.lock FOR UPDATE",
            "SELECT FROM pgvoice.lock FOR KEY SHARE",
            "UPDATE pgvoice.lock SET name = name",
            "DELETE FROM pgvoice.lock",
            "LOCK TABLE pgvoice.lock IN ACCESS SHARE MODE",
            "LOCK TABLE pgvoice.segment_embedding IN ROW EXCLUSIVE MODE",
            "LOCK TABLE pgvoice.video IN SHARE MODE",
            "INSERT INTO pgvoice.lock (name, kept_as) VALUES ('fill v', 'labels')",
        ):
            login.execute("SAVEPOINT tried")
            with pytest.raises(InsufficientPrivilege):
                login.execute(statement.encode())
            login.execute("ROLLBACK TO tried")
        _all_work(store)


def test_only_who_fills_may_hold_a_fill(library: VoiceStore, store_url: str) -> None:
    hold = "INSERT INTO pgvoice.lock (name) VALUES ('fill v')"
    for group in GROUPS[:2]:
        with _login(store_url, group) as login, pytest.raises(InsufficientPrivilege):
            login.execute(hold)
    with _login(store_url, "pgvoice_writer") as writer:
        writer.execute(hold)
        writer.rollback()
        for name in LOCKS:
            with pytest.raises(CheckViolation):
                writer.execute("INSERT INTO pgvoice.lock (name) VALUES (%s)", (name,))
            writer.rollback()


@pytest.mark.parametrize("group", ["pgvoice_writer", "pgvoice_admin"])
def test_the_lock_of_a_fill_is_never_kept(library: VoiceStore, store_url: str, group: str) -> None:
    """It would lock out all fills of a video, for ever."""
    with _login(store_url, group) as login:
        login.execute("INSERT INTO pgvoice.lock (name) VALUES ('fill v')")
        with pytest.raises(ForeignKeyViolation):
            login.commit()
    with library.recordings.filling("v"):
        pass
    with library.database.engine.connect() as connection:
        names = connection.scalars(text("SELECT name FROM pgvoice.lock")).all()
    assert sorted(names) == sorted(LOCKS)


# Who is in the way


def _upgrade(store: VoiceStore) -> None:
    schema.upgrade(store.database.engine)


def _give_roles(store: VoiceStore) -> None:
    schema.give_roles(store.database.engine)


def _fill(store: VoiceStore) -> None:
    with store.recordings.filling("v"):
        pass


def _enroll(store: VoiceStore) -> None:
    store.people.enroll_segments("bob", "v", [(1, 2)], min_speech=1)


@pytest.mark.parametrize(
    ("holding", "work", "what"),
    [
        ("SELECT count(*) FROM pgvoice.label", _upgrade, "the upgrade"),
        ("COMMENT ON SCHEMA pgvoice IS ''", _upgrade, "the upgrade"),
        ("COMMENT ON SCHEMA pgvoice IS ''", _give_roles, "granting rights"),
        ("INSERT INTO pgvoice.lock (name) VALUES ('fill v')", _fill, "the fill of 'v'"),
        ("SELECT FROM pgvoice.lock WHERE name = 'enrollment' FOR UPDATE", _enroll,
         "the enrollment"),
        ("SELECT FROM pgvoice.lock WHERE name = 'labels' FOR UPDATE",
         lambda store: store.labels.label(), "labelling"),
        ("SELECT FROM pgvoice.lock WHERE name = 'labels' FOR UPDATE",
         lambda store: store.labels.pin("v", (0, 1), "ann"), "labelling"),
    ],
)  # fmt: skip
def test_who_waits_in_vain_is_told_for_whom(
    library: VoiceStore,
    store_url: str,
    hasty_url: str,
    holding: str,
    work: Callable[[VoiceStore], object],
    what: str,
) -> None:
    with VoiceStore.open(hasty_url) as store:
        with _somebody(store_url, holding) as process, pytest.raises(LockHeld) as caught:
            work(store)
        message = str(caught.value)
        assert message.startswith(f"{what} waited 1 s for process {process} (user postgres, ")
        assert "idle in transaction, since 20" in message
        assert f"`SELECT pg_terminate_backend({process})`" in message
        work(store)


def test_the_lock_of_an_index_is_not_waited_for(library: VoiceStore, store_url: str) -> None:
    holding = "SELECT FROM pgvoice.lock WHERE name = 'index' FOR UPDATE"
    with _somebody(store_url, holding), pytest.raises(IndexBusy):
        library.index.build(ENCODER)


def test_deletions_during_labelling_leave_a_note(library: VoiceStore, store_url: str) -> None:
    """They do not wait for whoever changes labels."""
    library.labels.label()
    with _somebody(store_url, "SELECT FROM pgvoice.lock WHERE name = 'labels' FOR UPDATE"):
        with library.database.engine.begin() as connection:
            connection.execute(text("DELETE FROM pgvoice.segment_embedding WHERE start_ms = 0"))
        left = "SELECT count(*) FROM pgvoice.deleted_segment"
        with library.database.engine.connect() as connection:
            assert connection.scalar(text(left)) == 1
    library.labels.label()
    assert not any(check.problems for check in library.upkeep.verify())
