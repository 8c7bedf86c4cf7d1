"""Stores that are opened as a role to read with: what they tell, and that nothing gets past it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pgvoice_testkit.servers import pooler
from pgvoice_testkit.servers.databases import engine_of, new_database, plain, role, run
from pgvoice_testkit.stores.filled import ENCODER, THRESHOLD, X, Y, Z, put, unit
from sqlalchemy import URL, text
from sqlalchemy.exc import DBAPIError

from pgvoice.store import (
    DatabaseError,
    FillRun,
    PgvoiceError,
    PruneSelection,
    Turn,
    VideoAudio,
    VoiceStore,
)
from pgvoice.store.database.connection import open_database
from pgvoice.store.errors import OpenedToRead, PrivilegeMissing, RoleMissing, SchemaMismatch

WHO = text("SELECT current_user, session_user, current_setting('transaction_read_only')")
READER = ("pgvoice_reader", "postgres", "on")


@pytest.fixture(scope="module")
def library(server_url: str, template: str) -> Iterator[URL]:
    """Two recordings, ann enrolled, labels, an act."""
    with new_database(server_url, template) as url:
        with VoiceStore.open(plain(url)) as store:
            put(store, "v", {(0, 1): X, (1, 2): unit(1, 0.5, 0)})
            put(store, "w", {(0, 1): Y, (4, 6): Z})
            store.recordings.store_turns("w", [Turn(0, 1, "A"), Turn(4, 6, "B")])
            store.people.enroll_segments("ann", "v", [(0, 1)], min_speech=1)
            store.labels.label()
            store.voices.enable()
        yield url


@pytest.fixture(scope="module")
def reading(library: URL) -> Iterator[VoiceStore]:
    with VoiceStore.open(plain(library), role="pgvoice_reader") as store:
        yield store


def _who(store: VoiceStore) -> list[tuple[object, ...]]:
    """The users of a pooled and an unpooled connection, and whether they may only read."""
    found: list[tuple[object, ...]] = []
    for engine in (store.database.engine, store.database.unpooled):
        with engine.connect() as connection:
            found += map(tuple, connection.execute(WHO))
    return found


def test_a_store_is_read(reading: VoiceStore, library: URL) -> None:
    """As by a member of the role: with similarities of two digits."""
    with VoiceStore.open(plain(library)) as owner:
        exact = [answer.similarity for answer in owner.answers.identify("v")]
    shown = [answer.similarity for answer in reading.answers.identify("v")]
    assert shown == [1.0, 0.89]
    assert exact[1] not in shown
    assert [label.speaker for label in reading.labels.current("v")] == ["ann", "ann"]
    assert [video.video for video in reading.recordings.videos()] == ["v", "w"]
    assert [each.speaker for each in reading.people.speakers()] == ["ann"]
    assert [voice.similarity for voice in reading.voices.unknown()] == [0.0]
    assert reading.labels.words("v") == []
    assert [place.similarity for place in reading.answers.appearances("ann")] == [1.0, 0.89]
    assert reading.thresholds.required().kind


CHANGES: dict[str, Callable[[VoiceStore], object]] = {
    "fill": lambda store: put(store, "x", {(0, 1): X}),
    "register": lambda store: store.recordings.register(
        "x", VideoAudio("f" * 64, 1000, "x.wav"), ENCODER, THRESHOLD
    ),
    "record a fill": lambda store: store.recordings.record_fill("v", ENCODER, FillRun(1, 0, 1, {})),
    "hold a fill": lambda store: store.recordings.filling("v").__enter__(),
    "store turns": lambda store: store.recordings.store_turns("v", [Turn(0, 1)]),
    "prune": lambda store: store.recordings.prune(PruneSelection(video="v")),
    "enroll": lambda store: store.people.enroll_segments("bob", "w", [(4, 6)]),
    "rename": lambda store: store.people.rename("ann", "anna"),
    "merge": lambda store: store.people.merge("ann", "bob"),
    "remove": lambda store: store.people.remove("ann"),
    "drop": lambda store: store.people.drop("ann", 1),
    "label": lambda store: store.labels.label(),
    "relabel for show": lambda store: store.labels.relabel(dry_run=True),
    "pin": lambda store: store.labels.pin("v", (0, 1), "ann"),
    "unpin": lambda store: store.labels.unpin("v", (0, 1)),
    "revert": lambda store: store.labels.revert(1),
    "enable": lambda store: store.voices.enable(),
    "disable": lambda store: store.voices.disable(),
    "name": lambda store: store.voices.name(1, "bob"),
    "name for show": lambda store: store.voices.name(1, "bob", dry_run=True),
    "accept": lambda store: store.voices.accept(1),
    "reject": lambda store: store.voices.reject(1),
    "dismiss": lambda store: store.voices.dismiss(1, "tv"),
    "same": lambda store: store.voices.same(1, 2),
    "undo": lambda store: store.acts.undo(),
    "undo for show": lambda store: store.acts.undo(dry_run=True),
    "acts": lambda store: store.acts.list(),
    "consent": lambda store: store.privacy.grant_consent("ann", "a form"),
    "withdraw": lambda store: store.privacy.withdraw_consent("ann"),
    "erase": lambda store: store.privacy.erase_speaker("ann", with_segments=True),
    "erase video": lambda store: store.privacy.erase_video("v"),
    "audit": lambda store: store.privacy.audit(),
    "target": lambda store: store.thresholds.set_target_far(0.02),
    "refresh": lambda store: store.thresholds.refresh(),
    "expect": lambda store: store.ingests.expect("all", {"v": {"video": "v"}}),
    "index": lambda store: store.index.build(),
    "checksums": lambda store: store.upkeep.checksums(),
    "similar": lambda store: store.answers.similar("v", (0, 1)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_a_reader_may_not_do(reading: VoiceStore, change: str) -> None:
    with pytest.raises(PrivilegeMissing, match="opened as pgvoice_reader") as refused:
        CHANGES[change](reading)
    assert isinstance(refused.value, OpenedToRead)
    assert "GRANT" not in str(refused.value), "readers shall not be made admins"
    assert _who(reading) == [READER, READER]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT embedding FROM pgvoice.segment_embedding",
        "SET TRANSACTION READ WRITE",
        "SELECT set_config('transaction_read_only', 'off', true)",
        "CREATE TABLE public.mine (x int)",
        "SELECT nextval('pgvoice.act_id_seq')",
    ],
)
def test_statements_that_a_reader_may_not_run(reading: VoiceStore, statement: str) -> None:
    with (
        reading.database.engine.begin() as connection,
        pytest.raises((DatabaseError, DBAPIError)) as why,
    ):
        connection.execute(text(statement))
    assert any(words in str(why.value) for words in ("permission", "read-only", "read-write"))


def test_it_holds_in_every_transaction(reading: VoiceStore) -> None:
    """After a commit, an error, and in each of many connections; also where it was reset."""
    with reading.database.engine.connect() as connection:
        for _ in range(3):
            assert tuple(connection.execute(WHO).one()) == READER
            connection.execute(text("RESET ROLE"))
            connection.commit()
        with pytest.raises(PgvoiceError):
            connection.execute(text("DELETE FROM pgvoice.speaker"))
        connection.rollback()
        assert tuple(connection.execute(WHO).one()) == READER
    with ThreadPoolExecutor(8) as threads:
        for found in threads.map(lambda _: _who(reading), range(16)):
            assert found == [READER, READER]


def test_it_holds_after_a_reconnect(library: URL, server_url: str) -> None:
    with VoiceStore.open(plain(library), role="pgvoice_reader") as store:
        with store.database.engine.connect() as connection:
            process = connection.scalar(text("SELECT pg_backend_pid()"))
        with engine_of(server_url) as engine:
            run(engine, f"SELECT pg_terminate_backend({process}, 5000)")
        assert _who(store) == [READER, READER]
        with store.database.engine.connect() as connection:
            assert connection.scalar(text("SELECT pg_backend_pid()")) != process


def test_nothing_runs_outside_of_transactions(reading: VoiceStore) -> None:
    """A role that is set for a transaction would not hold there."""
    with reading.database.unpooled.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        with pytest.raises(OpenedToRead, match="outside of transactions"):
            connection.execute(text("SELECT 1"))


@pytest.mark.skipif(pooler.PROGRAM is None, reason="needs pgbouncer, of the system's packages")
def test_it_holds_behind_a_pooler_and_reaches_nobody_else(library: URL, server_url: str) -> None:
    """Both use the pooler's only session, one after the other."""
    with pooler.pooler(server_url, sessions=1) as pooled:
        url = plain(pooled.set(database=library.database))
        with VoiceStore.open(url, role="pgvoice_reader") as reader, VoiceStore.open(url) as owner:
            for _ in range(2):
                assert _who(reader) == [READER, READER]
                assert _who(owner) == [("postgres", "postgres", "off")] * 2


def test_a_searcher_may_compare_segments(library: URL) -> None:
    with VoiceStore.open(plain(library), role="pgvoice_searcher") as store:
        assert [each.video for each in store.answers.similar("v", (0, 1))]
        with pytest.raises(OpenedToRead, match="as pgvoice_searcher"):
            store.people.remove("ann")


def test_a_member_may_open_it_and_others_may_not(library: URL) -> None:
    with role(library, "cleo_of_a_test") as login:
        with pytest.raises(RoleMissing, match=r"permission denied to set role .*: grant"):
            VoiceStore.open(plain(login), role="pgvoice_reader")
        with engine_of(library) as engine:
            run(engine, "GRANT pgvoice_admin, pgvoice_reader TO cleo_of_a_test")
        with VoiceStore.open(plain(login), role="pgvoice_reader") as store:
            assert _who(store) == [("pgvoice_reader", "cleo_of_a_test", "on")] * 2
            with pytest.raises(OpenedToRead):
                store.people.remove("ann")


def test_a_role_that_is_not_there(library: URL) -> None:
    with (
        open_database(plain(library), role="nobody_of_a_test") as database,
        pytest.raises(RoleMissing, match=r"does not exist\): run `pgvoice db roles --create`"),
        database.engine.connect() as connection,
    ):
        connection.execute(WHO)


@pytest.mark.parametrize("name", ["pgvoice_admin", "postgres", "", "x; DROP"])
def test_only_roles_that_read(library: URL, name: str) -> None:
    with pytest.raises(ValueError, match="not a role to read with"):
        VoiceStore.open(plain(library), role=name)  # type: ignore[arg-type]


def test_a_role_without_rights(store_url: str) -> None:
    with engine_of(store_url) as engine:
        run(engine, "REVOKE ALL ON SCHEMA pgvoice FROM pgvoice_reader")
    with pytest.raises(RoleMissing, match=r"no rights in this database .*roles --create"):
        VoiceStore.open(store_url, role="pgvoice_reader")


def test_a_reader_does_not_upgrade(data_folder: Path) -> None:
    """Not even in an embedded server, where others do."""
    with pytest.raises(RoleMissing, match="does not exist"):
        VoiceStore.open(folder=data_folder, role="pgvoice_reader")
    with VoiceStore.open(folder=data_folder) as store:
        with VoiceStore.open(folder=data_folder, role="pgvoice_reader") as reader:
            assert _who(reader) == [READER, READER]
        run(store.database.engine, "UPDATE pgvoice.setting SET functions = 'older'")
        with pytest.raises(SchemaMismatch, match="functions are those of another"):
            VoiceStore.open(folder=data_folder, role="pgvoice_reader")
