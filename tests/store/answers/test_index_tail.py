"""Segments stored after the index was built: found all the same, until it is built anew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from pgvoice_testkit.servers.databases import new_database, plain, run
from pgvoice_testkit.stores import crowd
from pgvoice_testkit.stores.filled import ENCODER, OTHER_ENCODER, X, Y, put, unit
from sqlalchemy import Connection, text

from pgvoice.store import (
    BuildProgress,
    IndexStatus,
    PruneSelection,
    SimilarFilter,
    SimilarSegment,
    VoiceStore,
)
from pgvoice.store.answers import index_building
from pgvoice.store.database import schema

Place = tuple[str, float]


@pytest.fixture
def few(store: VoiceStore) -> VoiceStore:
    """Three segments that are in an index."""
    put(store, "v", {(0, 1): X, (1, 2): Y, (2, 2.1): "too_short"})
    put(store, "w", {(0, 1): unit(1, 1, 1)})
    store.index.build()
    return store


def _status(store: VoiceStore, encoder: int = 0) -> IndexStatus:
    return store.index.status()[encoder]


def _run_one_by_one(connection: Connection, *, anew: bool, creating: bool = False) -> None:
    """The statements of a build; those that create an index alone are an interrupted one."""
    connection = connection.execution_options(isolation_level="AUTOCOMMIT")
    statements = connection.scalars(
        text("SELECT statement FROM pgvoice.segment_index_statements(1, :anew)"), {"anew": anew}
    ).all()
    for statement in statements:
        if statement.startswith("CREATE") or not creating:
            connection.execute(text(statement))


def _nearest(store: VoiceStore, video: str, start: float, rows: int = 1) -> list[Place]:
    """The nearest segments by the index, even if there are few."""
    with store.database.engine.connect() as connection:
        found = connection.execute(
            text(
                "SELECT video, start_s FROM pgvoice.similar_segments("
                ":video, :start, :start + 1, :rows, exact => false)"
            ),
            {"video": video, "start": start, "rows": rows},
        )
        return [(name, begin) for name, begin in found]


def test_what_is_stored_later_is_in_the_tail(few: VoiceStore) -> None:
    before = _status(few)
    assert (before.complete, before.tail, before.outgrown) == (True, 0, False)
    assert not before.slows_fills
    put(few, "later", {(0, 1): X, (1, 2): Y, (2, 3): "silent"})
    assert _status(few).tail == 2
    assert _nearest(few, "v", 0) == [("later", 0)]
    assert _nearest(few, "later", 1) == [("v", 1)]
    assert few.index.build().built == []
    assert _status(few) == replace(before, segments=5, tail=2)


def test_built_anew_it_has_no_tail(few: VoiceStore) -> None:
    put(few, "later", {(0, 1): X})
    before = _status(few)
    for _ in range(2):
        report = few.index.build(anew=True)
        after = _status(few)
        assert len(report.built) == before.parts
        assert (after.complete, after.tail, after.invalid) == (True, 0, [])
        assert before.covers_before is not None
        assert after.covers_before is not None
        assert after.covers_before > before.covers_before
        assert _nearest(few, "v", 0) == [("later", 0)]
    assert few.index.drop() == before.parts


def test_what_somebody_began_to_store_before_is_in_the_index(few: VoiceStore) -> None:
    """It is stored as of the beginning of its transaction, wherever the build is by then."""
    copied = text(
        "INSERT INTO pgvoice.segment_embedding"
        " (video_id, start_ms, end_ms, encoder_id, dimension, embedding, status)"
        " SELECT video_id, 8000, 9000, encoder_id, dimension, embedding, status"
        " FROM pgvoice.segment_embedding WHERE video_id = 1 AND start_ms = 0"
    )
    with few.database.engine.connect() as connection:
        connection.execute(text("SELECT now()"))
        few.index.build(anew=True)
        connection.execute(copied)
        connection.commit()
    assert _status(few).tail == 0
    assert _nearest(few, "v", 0) == [("v", 8)]


def test_a_clock_that_was_put_back_moves_nothing_out_of_sight(few: VoiceStore) -> None:
    put(few, "later", {(0, 1): X})
    for moment, tail in (("'2001-01-01'", 0), ("now()", 1), ("'infinity'", 1)):
        run(
            few.database.engine,
            f"UPDATE pgvoice.segment_embedding SET created_at = {moment} WHERE video_id ="
            " (SELECT id FROM pgvoice.video WHERE key = 'later')",
        )
        assert _status(few).tail == tail
        assert _nearest(few, "v", 0) == [("later", 0)]


def test_fills_during_a_build_are_in_the_tail(
    few: VoiceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_building, "INTERVAL", 0.001)
    filled: list[Place] = []
    with few.database.engine.connect() as old:
        # A build waits for the transaction, which ends once something was filled.
        old = old.execution_options(isolation_level="REPEATABLE READ")
        old.execute(text("SELECT count(*) FROM pgvoice.segment_embedding"))

        def fill(_progress: BuildProgress) -> None:
            if not filled:
                put(few, "meanwhile", {(0, 1): X})
                filled.extend(_nearest(few, "v", 0))
                old.rollback()

        few.index.build(anew=True, on_progress=fill)
    assert filled == [("meanwhile", 0)]
    assert _status(few).tail == 1
    assert _nearest(few, "v", 0) == [("meanwhile", 0)]


def test_an_interrupted_build_leaves_the_old_index_in_use(
    few: VoiceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_building, "INTERVAL", 0.001)
    before = _status(few)
    put(few, "later", {(0, 1): X})

    def interrupt(_progress: BuildProgress) -> None:
        raise KeyboardInterrupt

    with few.database.engine.connect() as old:
        old = old.execution_options(isolation_level="REPEATABLE READ")
        old.execute(text("SELECT count(*) FROM pgvoice.segment_embedding"))
        with pytest.raises(KeyboardInterrupt):
            few.index.build(anew=True, on_progress=interrupt)
    broken = _status(few)
    assert (broken.complete, broken.tail) == (True, 1)
    assert broken.covers_before == before.covers_before
    assert [name.rpartition("_")[2] for name in broken.invalid] == ["hnsw2"]
    assert _nearest(few, "v", 0) == [("later", 0)]
    assert few.index.build().built == []
    assert _status(few).invalid == []


def test_an_old_index_that_was_not_dropped_any_more_is_dropped(few: VoiceStore) -> None:
    put(few, "later", {(0, 1): X})
    with few.database.engine.connect() as connection:
        _run_one_by_one(connection, anew=True, creating=True)
    both = _status(few)
    assert (both.complete, both.tail, len(both.invalid)) == (True, 0, both.parts)
    assert _nearest(few, "v", 0) == [("later", 0)]
    assert few.index.build().built == []
    assert _status(few).invalid == []
    assert _status(few).covers_before == both.covers_before


def test_erased_and_pruned_segments_are_found_nowhere(few: VoiceStore) -> None:
    put(few, "later", {(0, 1): unit(3, 1, 0), (1, 2): unit(0, 1, 0.1)})
    put(few, "latest", {(0, 1): X})
    assert _nearest(few, "v", 0, 9) == [
        ("latest", 0), ("later", 0), ("w", 0), ("v", 1), ("later", 1)
    ]  # fmt: skip
    few.people.enroll_segments("ann", "later", [(1, 2)], min_speech=1)
    few.privacy.erase_speaker("ann", with_segments=True)
    assert _nearest(few, "v", 0, 9) == [("latest", 0), ("later", 0), ("w", 0)]
    few.privacy.erase_video("latest")
    assert _nearest(few, "v", 0, 9) == [("later", 0), ("w", 0)]
    assert few.recordings.prune(PruneSelection(video="later")) == 2
    assert _nearest(few, "v", 0, 9) == [("w", 0)]
    assert _status(few).tail == 0
    few.index.build(anew=True)
    assert _nearest(few, "v", 0, 9) == [("w", 0)]
    assert [check for check in few.upkeep.verify() if check.problems] == []


def test_each_encoder_has_its_own_tail(few: VoiceStore) -> None:
    put(few, "v", {(0, 1): X, (1, 2): Y}, OTHER_ENCODER)
    few.index.build(OTHER_ENCODER)
    put(few, "w", {(0, 1): X}, OTHER_ENCODER)
    one, other = few.index.status()
    assert (one.tail, other.tail) == (0, 1)
    with few.database.engine.connect() as connection:
        found = text("SELECT video FROM pgvoice.similar_segments('v', 0, 1, 1, 2, exact => false)")
        assert connection.scalar(found) == "w"
    few.index.build(ENCODER, anew=True)
    assert [each.tail for each in few.index.status()] == [0, 1]


def test_settings_of_a_session_change_nothing(few: VoiceStore) -> None:
    put(few, "later", {(0, 1): X})
    asked = text(
        "SELECT video, extract(epoch FROM covers_before), segments"
        " FROM pgvoice.similar_segments('v', 0, 1, 1, exact => false), pgvoice.segment_index,"
        " pgvoice.segment_index_tail(1) LIMIT 1"
    )
    found = set()
    with few.database.engine.connect() as connection:
        for style, zone in (
            ("ISO", "UTC"),
            ("German", "Asia/Kolkata"),
            ("SQL, DMY", "Asia/Tehran"),
        ):
            connection.execute(text(f"SET LOCAL datestyle = '{style}'"))
            connection.execute(text(f"SET LOCAL timezone = '{zone}'"))
            found.add(tuple(connection.execute(asked).one()))
    assert len(found) == 1


# An index of a release that had no tail


@pytest.fixture
def old(store: VoiceStore) -> VoiceStore:
    """A store whose index has every segment."""
    put(store, "v", {(0, 1): X, (1, 2): Y})
    with store.database.engine.connect() as connection:
        connection = connection.execution_options(isolation_level="AUTOCOMMIT")
        statements = connection.scalars(
            text("SELECT statement FROM pgvoice.segment_index_statements(1)")
        ).all()
        for statement in statements:
            connection.execute(text(statement.partition(" AND created_at")[0]))
    return store


def test_it_is_used_and_has_no_tail(old: VoiceStore) -> None:
    put(old, "later", {(0, 1): X})
    found = _status(old)
    assert (found.complete, found.tail, found.covers_before) == (True, 0, None)
    assert found.slows_fills
    assert _nearest(old, "v", 0) == [("later", 0)]
    assert old.index.build().built == []
    assert len(old.index.build(anew=True).built) == found.parts
    assert not _status(old).slows_fills
    assert _status(old).invalid == []
    assert _nearest(old, "v", 0) == [("later", 0)]


def test_going_down_and_up_again_keeps_it(old: VoiceStore) -> None:
    before = _status(old)
    schema.downgrade(old.database.engine, "0024")
    schema.upgrade(old.database.engine)
    assert _status(old) == before


# Many segments


@pytest.fixture(scope="module")
def crowded(server_url: str, template: str) -> Iterator[VoiceStore]:
    """20,000 segments, of which those of every tenth video are newer than the index."""
    with new_database(server_url, template) as url, VoiceStore.open(plain(url)) as store:
        crowd.fill(store)
        store.index.build()
        _make_newer(store, "id % 10 = 0")
        yield store


def _make_newer(store: VoiceStore, videos: str) -> None:
    run(
        store.database.engine,
        "UPDATE pgvoice.segment_embedding SET created_at = now() WHERE video_id IN"
        f" (SELECT id FROM pgvoice.video WHERE {videos})",
    )


def test_a_search_takes_the_nearest_of_both(crowded: VoiceStore) -> None:
    (status,) = crowded.index.status()
    assert (status.tail, status.outgrown) == (2000, False)
    shares = []
    for number in range(0, 200, 9):
        asked = crowd.place(number, 5)
        for among in (SimilarFilter(), SimilarFilter(min_seconds=crowd.LONG_SECONDS)):
            exact, found = (
                crowded.answers.similar(
                    asked.video, asked.span, limit=20, among=among, exact=exactly
                )
                for exactly in (True, False)
            )
            assert found == sorted(found, key=lambda each: -each.similarity)
            assert _newer(exact) <= _newer(found)
            shares.append(len(set(found) & set(exact)) / len(exact))
    assert float(np.mean(shares)) >= 0.97


def _newer(found: list[SimilarSegment]) -> set[SimilarSegment]:
    """Those of the tail: the ids of the videos begin at one, their numbers at zero."""
    return {each for each in found if (int(each.video.removeprefix("video ")) + 1) % 10 == 0}


def test_somebody_who_is_excluded_is_excluded_there_as_well(crowded: VoiceStore) -> None:
    asked = crowd.place(9, 5)
    crowded.people.enroll_segments("loud", asked.video, [asked.span], min_speech=1)
    try:
        among = SimilarFilter(excluded_speakers=["loud"])
        exact, found = (
            crowded.answers.similar(asked.video, asked.span, among=among, exact=exactly)
            for exactly in (True, False)
        )
        assert len(found) == 20
        assert _newer(exact) <= _newer(found)
    finally:
        crowded.people.remove("loud")


def test_an_outgrown_index_is_built_anew(crowded: VoiceStore) -> None:
    _make_newer(crowded, "id <= 99")
    (status,) = crowded.index.status()
    assert (status.tail, status.outgrown, status.worth_building) == (11_000, True, True)
    assert len(crowded.index.build().built) == status.parts
    (status,) = crowded.index.status(rough=True)
    assert (status.tail, status.outgrown, status.worth_building) == (0, False, False)
    assert status.segments == 10_000
    assert crowded.index.build().built == []
