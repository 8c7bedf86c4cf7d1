"""A whole store is copied to another database without changes, or not at all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pgvoice_testkit.servers.databases import engine_of, migrate, new_database, plain, run
from pgvoice_testkit.stores import whole_library
from pgvoice_testkit.stores.filled import X, put
from sqlalchemy import URL, text

from pgvoice.store import CopyDiffers, DatabaseError, TargetInUse, VoiceStore
from pgvoice.store.database import schema
from pgvoice.store.errors import ConnectionLost
from pgvoice.store.upkeep import store_copy


@pytest.fixture(scope="module")
def library_url(server_url: str, template: str) -> Iterator[str]:
    """A store with rows in every table."""
    with new_database(server_url, template) as url:
        with VoiceStore.open(plain(url)) as store:
            whole_library.make(store)
        yield plain(url)


@pytest.fixture
def library(library_url: str) -> Iterator[VoiceStore]:
    with VoiceStore.open(library_url) as opened:
        yield opened


@pytest.fixture
def target(server_url: str, template: str) -> Iterator[URL]:
    """A database with empty tables."""
    with new_database(server_url, template) as url:
        yield url


@pytest.fixture(scope="module")
def arrived(server_url: str, library_url: str) -> Iterator[VoiceStore]:
    """A copy in several COPY statements into a partitioned table."""
    with (
        new_database(server_url) as url,
        VoiceStore.open(library_url) as library,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(store_copy, "_BLOCK", 3)
        patch.setattr(store_copy, "_BLOCKS", 2)
        migrate(url, partitions=3, grid_ms=10)
        library.upkeep.copy_to(plain(url.set(password="secret")))
        with VoiceStore.open(plain(url)) as store:
            yield store


def test_the_parts_are_those_of_the_target(arrived: VoiceStore, library: VoiceStore) -> None:
    assert arrived.grid_ms == library.grid_ms == 100
    with arrived.database.engine.connect() as connection:
        assert schema.state(connection)[:3] == (schema.HEAD, 100, 3)
    assert not any(check.problems for check in arrived.upkeep.verify())
    assert whole_library.answers(arrived) == whole_library.answers(library)


def test_the_copy_is_noted_where_it_was_made(arrived: VoiceStore, library: VoiceStore) -> None:
    notes = text("SELECT action, subject FROM pgvoice.audit_event ORDER BY id DESC LIMIT 1")
    with library.database.engine.connect() as connection:
        action, subject = connection.execute(notes).one()
    assert action == "copy"
    assert str(arrived.database.url.database) in subject
    assert "secret" not in subject


def test_ids_go_on_where_they_were(arrived: VoiceStore, library: VoiceStore) -> None:
    sequences = text(
        "SELECT sequencename::text, last_value FROM pg_sequences WHERE schemaname = 'pgvoice'"
        " AND sequencename <> 'audit_event_id_seq' ORDER BY 1"
    )
    with (
        library.database.engine.connect() as here,
        arrived.database.engine.connect() as there,
    ):
        expected = here.execute(sequences).all()
        assert there.execute(sequences).all() == expected
    assert ("speaker_id_seq", 16) in expected, "three of them belonged to somebody who was removed"


def test_a_target_with_rows_is_left_alone(library: VoiceStore, target: URL) -> None:
    with VoiceStore.open(plain(target)) as store:
        put(store, "mine", {(0, 1): X})
    with engine_of(target) as engine:
        schema.downgrade(engine, "0024")
    with pytest.raises(TargetInUse, match="already has rows in encoder"):
        library.upkeep.copy_to(plain(target))
    with engine_of(target) as engine, engine.connect() as connection:
        assert schema.state(connection).revision == "0024"
    with pytest.raises(TargetInUse):
        library.upkeep.copy_to(plain(library.database.url))


def test_a_newer_target_is_left_alone(library: VoiceStore, target: URL) -> None:
    with engine_of(target) as engine:
        run(engine, "UPDATE pgvoice.alembic_version SET version_num = '9999'")
    with pytest.raises(DatabaseError, match="newer pgvoice"):
        library.upkeep.copy_to(plain(target))


def test_what_arrives_differently_is_not_kept(library: VoiceStore, target: URL) -> None:
    with engine_of(target) as engine:
        run(engine, "ALTER TABLE pgvoice.video ALTER COLUMN created_at TYPE timestamptz(0)")
        with pytest.raises(CopyDiffers, match="arrived in video differ from"):
            library.upkeep.copy_to(plain(target))
        with engine.connect() as connection:
            assert connection.scalar(text("SELECT count(*) FROM pgvoice.speaker")) == 0
            assert connection.scalar(text("SELECT count(*) FROM pgvoice.setting")) == 1


@pytest.mark.parametrize("lost", ["source", "target"])
def test_a_copy_that_is_cut_off_leaves_nothing(
    library: VoiceStore, target: URL, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    """The server ends the connection after half of the rows."""
    monkeypatch.setattr(store_copy, "_EVERY", 10)
    monkeypatch.setattr(store_copy, "_BLOCK", 5)
    database = library.database.url.database if lost == "source" else target.database
    with engine_of(library.database.url.set(database="postgres")) as engine:

        def cut_off(done: int, total: int) -> None:
            if done == total // 40 * 10:
                run(
                    engine,
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    f" WHERE datname = '{database}' AND state <> 'idle'",
                )

        with pytest.raises(ConnectionLost, match="went away"):
            library.upkeep.copy_to(plain(target), on_progress=cut_off)
    with VoiceStore.open(plain(target)) as store:
        assert {each.table for each in store.upkeep.checksums() if each.rows} == {"setting"}


@pytest.mark.parametrize("share", [0.3, 0.7])
def test_a_copy_that_is_interrupted_ends(
    library: VoiceStore, target: URL, monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    """Ctrl-C works while rows are sent and while they are compared."""
    monkeypatch.setattr(store_copy, "_EVERY", 1)

    def interrupt(done: int, total: int) -> None:
        if done > share * total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        library.upkeep.copy_to(plain(target), on_progress=interrupt)
    with VoiceStore.open(plain(target)) as store:
        assert {each.table for each in store.upkeep.checksums() if each.rows} == {"setting"}


def test_triggers_rest_meanwhile(library: VoiceStore, target: URL) -> None:
    with engine_of(target) as engine:
        run(
            engine,
            "CREATE TRIGGER refuses BEFORE INSERT ON pgvoice.speaker"
            " FOR EACH STATEMENT EXECUTE FUNCTION pgvoice_internal.refuse_change()",
        )
        library.upkeep.copy_to(plain(target))
        with pytest.raises(Exception, match="append-only"):
            run(engine, "INSERT INTO pgvoice.speaker (name) VALUES ('x')")


def test_checksums_tell_stores_apart(store: VoiceStore) -> None:
    empty = {each.table: each for each in store.upkeep.checksums()}
    put(store, "v", {(0, 1): X, (1, 2): X})
    two = {each.table: each for each in store.upkeep.checksums()}
    assert {name for name in two if two[name] != empty[name]} == {
        "video",
        "encoder",
        "segment_embedding",
    }
    assert (empty["video"].rows, empty["video"].checksum) == (0, "0" * 16)
    put(store, "v", {(2, 3): X})
    assert store.upkeep.checksums() != list(two.values())
    with store.database.engine.begin() as connection:
        connection.execute(text("DELETE FROM pgvoice.segment_embedding WHERE start_ms = 2000"))
        connection.execute(text("UPDATE pgvoice.segment_embedding SET status = status"))
    assert {each.table: each for each in store.upkeep.checksums()}["segment_embedding"] == two[
        "segment_embedding"
    ]
