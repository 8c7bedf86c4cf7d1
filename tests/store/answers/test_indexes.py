"""The index over segments: built, watched, found broken, built anew, dropped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from pgvoice_testkit.servers.databases import engine_of, plain, role, run
from pgvoice_testkit.stores.filled import ENCODER, OTHER_ENCODER, THRESHOLD, X, Y, put, unit
from sqlalchemy import make_url, text

from pgvoice.store import BuildProgress, EncoderIdentity, IndexBusy, IndexStatus, VoiceStore
from pgvoice.store.answers import index_building, indexes
from pgvoice.store.database import schema
from pgvoice.store.errors import SchemaForbidden


@pytest.fixture
def few(store: VoiceStore) -> VoiceStore:
    put(store, "v", {(0, 1): X, (1, 2): Y, (2, 2.1): "too_short"})
    put(store, "w", {(0, 1): unit(1, 1, 1)})
    return store


def _status(store: VoiceStore) -> IndexStatus:
    (status,) = store.index.status()
    return status


def _parts(store: VoiceStore) -> int:
    return _status(store).parts


def test_none_then_built_then_dropped(few: VoiceStore) -> None:
    before = _status(few)
    assert (before.encoder, before.segments, before.indexed) == (str(ENCODER), 3, 0)
    assert (before.invalid, before.building, before.bytes, before.m) == ([], False, 0, None)
    assert not before.worth_building
    report = few.index.build()
    assert (len(report.built), report.without_workers) == (before.parts, None)
    after = _status(few)
    assert (after.indexed, after.m) == (after.parts, 24)
    assert after.bytes > 0
    assert after.complete
    assert few.index.build().built == []
    assert few.index.drop() == after.parts
    assert _status(few) == before
    assert few.index.drop() == 0


def test_each_encoder_has_its_own(few: VoiceStore) -> None:
    put(few, "v", {(0, 1): X}, OTHER_ENCODER)
    few.index.build(OTHER_ENCODER)
    one, other = few.index.status()
    assert (one.indexed, other.indexed) == (0, other.parts)
    few.index.build(ENCODER)
    few.index.drop(OTHER_ENCODER)
    one, other = few.index.status()
    assert (one.indexed, other.indexed) == (one.parts, 0)


def test_rows_that_come_later_are_found(few: VoiceStore) -> None:
    few.index.build()
    put(few, "later", {(0, 1): X})
    with few.database.engine.connect() as connection:
        found = connection.scalar(
            text("SELECT video FROM pgvoice.similar_segments('v', 0, 1, 1, exact => false)")
        )
    assert found == "later"


def test_progress_is_told(few: VoiceStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_building, "INTERVAL", 0.001)
    told: list[BuildProgress] = []
    with _old_snapshot(few) as release:
        # The build waits for the old transaction, which ends as soon as progress was told.
        def tell(progress: BuildProgress) -> None:
            told.append(progress)
            release()

        few.index.build(on_progress=tell)
    assert told[0].table.startswith("segment_embedding")
    assert told[0].phase


@contextmanager
def _old_snapshot(store: VoiceStore) -> Iterator[Callable[[], None]]:
    """A transaction that a build waits for; gives what ends it."""
    with store.database.engine.connect() as connection:
        connection = connection.execution_options(isolation_level="REPEATABLE READ")
        connection.execute(text("SELECT count(*) FROM pgvoice.segment_embedding"))
        yield connection.rollback


def test_what_an_interrupted_build_left_is_built_anew(few: VoiceStore) -> None:
    few.index.build()
    run(
        few.database.engine,
        "UPDATE pg_index SET indisvalid = false"
        " WHERE indexrelid = (SELECT min(index::oid) FROM pgvoice.segment_index)",
    )
    broken = _status(few)
    assert len(broken.invalid) == 1
    assert broken.invalid[0].endswith("_hnsw")
    assert (broken.indexed, broken.building) == (broken.parts - 1, False)
    assert len(few.index.build().built) == 1
    assert _status(few).indexed == broken.parts


def test_a_build_that_is_interrupted_stops_in_the_server(
    few: VoiceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_building, "INTERVAL", 0.001)

    def interrupt(_progress: BuildProgress) -> None:
        raise KeyboardInterrupt

    with _old_snapshot(few), pytest.raises(KeyboardInterrupt):
        few.index.build(on_progress=interrupt)
    assert _status(few).indexed == 0
    assert not _status(few).building
    few.index.build()
    assert _status(few).indexed == _parts(few)


def test_one_build_at_a_time(few: VoiceStore) -> None:
    with engine_of(few.database.url) as engine, engine.connect() as connection:
        indexes.hold(connection)
        with pytest.raises(IndexBusy, match="index status"):
            few.index.build()
    few.index.build()


def test_settings_of_a_build_stay_in_it(few: VoiceStore) -> None:
    few.index.build(memory="77MB", workers=0)
    with few.database.engine.connect() as connection:
        assert connection.scalar(text("SHOW maintenance_work_mem")) != "77MB"


def test_memory_that_is_none(few: VoiceStore) -> None:
    with pytest.raises(ValueError, match="'much'"):
        few.index.build(memory="much")


def test_without_shared_memory_it_is_built_without_workers(few: VoiceStore) -> None:
    with few.database.engine.connect() as connection:
        if connection.scalar(text("SHOW dynamic_shared_memory_type")) != "posix":
            pytest.skip("needs shared memory whose size is bounded")
        name = connection.engine.url.database
    run(few.database.engine, f"ALTER DATABASE {name} SET min_parallel_table_scan_size = 0")
    few.database.engine.dispose()
    report = few.index.build(memory="1TB", workers=2)
    assert report.without_workers is not None
    assert "shared memory" in report.without_workers
    assert _status(few).indexed == _parts(few)


def test_vectors_that_are_too_long(store: VoiceStore) -> None:
    long = EncoderIdentity("long", "sha256:long", "1", 4001, 16_000)
    store.recordings.register("v", None, long, THRESHOLD)
    with pytest.raises(ValueError, match="4,001 elements"):
        store.index.build()


def test_a_user_who_does_not_own_the_tables(few: VoiceStore, store_url: str) -> None:
    with role(make_url(store_url), "pgvoice_test_other") as as_other:
        run(
            few.database.engine,
            "GRANT USAGE ON SCHEMA pgvoice, pgvoice_internal TO pgvoice_test_other",
            "GRANT SELECT ON ALL TABLES IN SCHEMA pgvoice TO pgvoice_test_other",
            "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA pgvoice, pgvoice_internal"
            " TO pgvoice_test_other",
        )
        with (
            VoiceStore.open(plain(as_other)) as other,
            pytest.raises(SchemaForbidden, match=r"permission denied.*created the tables"),
        ):
            other.index.build()


def test_the_statements_can_be_run_from_psql(few: VoiceStore) -> None:
    with few.database.engine.connect() as connection:
        connection = connection.execution_options(isolation_level="AUTOCOMMIT")
        for (statement,) in connection.execute(
            text(
                "SELECT statement FROM pgvoice.segment_index_statements(pgvoice.default_encoder())"
            )
        ).all():
            connection.execute(text(statement))
    assert _status(few).indexed == _parts(few)


def test_going_down_drops_it_as_older_releases_do_not_know_it(few: VoiceStore) -> None:
    before = _status(few)
    few.index.build()
    schema.downgrade(few.database.engine, "0036")
    schema.upgrade(few.database.engine)
    assert _status(few) == before


def test_going_down_to_nothing_takes_it_along(few: VoiceStore) -> None:
    few.index.build()
    schema.downgrade(few.database.engine, "base")
    with engine_of(few.database.url) as engine, engine.connect() as connection:
        left = connection.scalar(
            text("SELECT count(*) FROM pg_indexes WHERE indexdef LIKE '%hnsw%'")
        )
    assert left == 0
    schema.upgrade(few.database.engine)
    assert few.index.status() == []


def test_worth_building_is_what_a_search_goes_by(few: VoiceStore) -> None:
    with few.database.engine.connect() as connection:
        source = connection.scalar(
            text("SELECT prosrc FROM pg_proc WHERE proname = 'is_search_by_index'")
        )
    assert f"< {indexes.WORTH_FROM} " in source
