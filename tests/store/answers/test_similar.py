"""What sounds like a segment: exact among few, by the index among many, under every filter."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
import pytest
from pgvoice_testkit.servers.databases import engine_of, new_database, plain, role, run
from pgvoice_testkit.stores import crowd
from pgvoice_testkit.stores.filled import ENCODER, OTHER_ENCODER, X, Y, put, unit
from sqlalchemy import Connection, make_url, text
from sqlalchemy.exc import DBAPIError

from pgvoice.store import (
    InvalidSegment,
    NoEmbedding,
    PruneSelection,
    SimilarFilter,
    SimilarSegment,
    UnknownSpeaker,
    UnknownVideo,
    VoiceStore,
)

Place = tuple[str, float]


def _places(found: list[SimilarSegment]) -> list[Place]:
    return [(segment.video, segment.start) for segment in found]


@pytest.fixture
def few(store: VoiceStore) -> VoiceStore:
    """Two videos: `v` with four segments around X, `w` with a twin of one of them."""
    near, far = unit(1, 0.1, 0), unit(1, 0.5, 0)
    put(store, "v", {(0, 1): X, (1, 3): near, (3, 4): far, (4, 4.2): "silent"})
    put(store, "w", {(0, 1): near, (5, 9): Y})
    return store


def test_the_most_similar_first_without_itself(few: VoiceStore) -> None:
    found = few.answers.similar("v", (0, 1))
    assert _places(found) == [("v", 1), ("w", 0), ("v", 3), ("w", 5)]
    assert [round(segment.similarity, 3) for segment in found] == [0.995, 0.995, 0.894, 0.0]
    assert _places(few.answers.similar("v", (0, 1), limit=1)) == [("v", 1)]
    assert few.answers.similar("v", (0.04, 1.01)) == found


@pytest.mark.parametrize(
    ("among", "expected"),
    [
        (SimilarFilter(videos=["w"]), [("w", 0), ("w", 5)]),
        (SimilarFilter(videos=[]), []),
        (SimilarFilter(videos=["v", "w"], min_seconds=2), [("v", 1), ("w", 5)]),
        (SimilarFilter(min_seconds=2.1), [("w", 5)]),
        (SimilarFilter(same_video=False), [("w", 0), ("w", 5)]),
        (SimilarFilter(since=datetime(2020, 1, 1, tzinfo=UTC)), [("w", 0), ("w", 5)]),
        (SimilarFilter(since=datetime(2020, 1, 1, tzinfo=UTC), videos=["v"]), []),
    ],
)
def test_filters(few: VoiceStore, among: SimilarFilter, expected: list[Place]) -> None:
    run(few.database.engine, "UPDATE pgvoice.video SET created_at = '2019-01-01' WHERE key = 'v'")
    assert _places(few.answers.similar("v", (0, 1), among=among)) == expected


def test_a_part_of_a_long_segment_stands_for_it(few: VoiceStore) -> None:
    put(few, "long", {(0, 20): X, (30, 31): Y})
    whole, part = (few.answers.similar("long", span, exact=True) for span in ((0, 20), (6, 14)))
    assert part == whole
    with pytest.raises(NoEmbedding, match="missing"):
        few.answers.similar("long", (25, 28))


def test_encoders_never_meet(few: VoiceStore) -> None:
    put(few, "v", {(0, 1): X, (7, 8): X}, OTHER_ENCODER)
    assert _places(few.answers.similar("v", (0, 1), encoder=OTHER_ENCODER)) == [("v", 7)]
    assert ("v", 7) not in _places(few.answers.similar("v", (0, 1), encoder=ENCODER))


def test_without_what_identify_gives_to_somebody(store: VoiceStore) -> None:
    noise = np.random.default_rng(3)
    for video in "vw":
        put(store, video, {(i, i + 1): unit(*noise.normal(size=3)) for i in range(60)})
    # The last two have the same profile: ties are decided as identify decides them.
    for name, seconds in (("ann", 0), ("bob", 1), ("eve", 2), ("twin of eve", 2)):
        store.people.enroll_segments(name, "v", [(seconds, seconds + 1)], force=True)
    everything = store.answers.similar("w", (0, 1), limit=1000)
    for people in (["ann"], ["eve"], ["twin of eve"], ["bob", "ann"]):
        theirs = {
            (video, answer.start)
            for video in "vw"
            for answer in store.answers.identify(video)
            if answer.speaker in people
        }
        expected = [place for place in _places(everything) if place not in theirs]
        found = store.answers.similar(
            "w", (0, 1), limit=1000, among=SimilarFilter(excluded_speakers=people)
        )
        assert _places(found) == expected


def test_what_cannot_be_searched_with(few: VoiceStore) -> None:
    with pytest.raises(UnknownVideo, match=r"'x'.*cache stats"):
        few.answers.similar("x", (0, 1))
    with pytest.raises(UnknownVideo, match="'x'"):
        few.answers.similar("v", (0, 1), among=SimilarFilter(videos=["w", "x"]))
    with pytest.raises(UnknownSpeaker, match=r"'ann'.*enroll list"):
        few.answers.similar("v", (0, 1), among=SimilarFilter(excluded_speakers=["ann"]))
    with pytest.raises(NoEmbedding, match=r"search with in 'v': \(20.0, 22.0\) is missing; fill"):
        few.answers.similar("v", (20, 22))
    with pytest.raises(NoEmbedding, match="is silent"):
        few.answers.similar("v", (4, 4.2))
    with pytest.raises(InvalidSegment):
        few.answers.similar("v", (1, 0))


@pytest.mark.parametrize(
    ("call", "message", "hint"),
    [
        ("'x', 0, 1", "no video 'x' in the store", "pgvoice.video"),
        ("'v', 0, 2", "no vector of the segment from 0 to 2 s: it is missing", "Fill it"),
        ("'v', 4, 4.2", "it is silent", "Choose another"),
        ("'v', 0, 1, videos => ARRAY['w', 'y']", "no video 'y'", "pgvoice.video"),
        ("'v', 0, 1, excluded_speakers => ARRAY['ann']", "no speaker 'ann'", "pgvoice.speaker"),
    ],
)
def test_errors_in_sql_name_the_remedy(few: VoiceStore, call: str, message: str, hint: str) -> None:
    with few.database.engine.connect() as connection, pytest.raises(DBAPIError) as raised:
        connection.execute(text(f"SELECT * FROM pgvoice.similar_segments({call})"))
    assert raised.match(message)
    assert raised.match(f"HINT:.*{hint}")


def test_a_user_who_may_only_call_it(few: VoiceStore, store_url: str) -> None:
    with role(make_url(store_url), "pgvoice_test_caller") as as_caller:
        run(
            few.database.engine,
            "GRANT USAGE ON SCHEMA pgvoice TO pgvoice_test_caller",
            "GRANT SELECT ON pgvoice.encoder TO pgvoice_test_caller",
            "GRANT EXECUTE ON FUNCTION pgvoice.default_encoder, pgvoice.similar_segments"
            " TO pgvoice_test_caller",
        )
        with engine_of(as_caller) as engine, engine.connect() as connection:
            call = text("SELECT video, start_s FROM pgvoice.similar_segments('v', 0, 1, 2)")
            assert [tuple(row) for row in connection.execute(call)] == [("v", 1), ("w", 0)]
            with pytest.raises(DBAPIError, match="permission denied"):
                connection.execute(text("SELECT * FROM pgvoice.segment_embedding"))


@pytest.fixture(scope="module")
def crowded(server_url: str, template: str) -> Iterator[VoiceStore]:
    """20,000 segments of 100 voices, with an index."""
    with new_database(server_url, template) as url, VoiceStore.open(plain(url)) as store:
        crowd.fill(store)
        store.index.build()
        yield store


@pytest.fixture
def connection(crowded: VoiceStore) -> Iterator[Connection]:
    with crowded.database.engine.connect() as opened:
        yield opened


ASKED = [(number, segment) for number in range(0, 200, 9) for segment in (5, 50)]
MOST = SimilarFilter()
#: Leaves one segment in a hundred.
LONG = SimilarFilter(min_seconds=crowd.LONG_SECONDS)


def _recall(store: VoiceStore, among: SimilarFilter, limit: int) -> float:
    """The part of the most similar that a search finds where it may use the index."""
    shares = []
    for number, segment in ASKED:
        asked = crowd.place(number, segment)
        exact = store.answers.similar(asked.video, asked.span, limit=limit, among=among, exact=True)
        found = store.answers.similar(asked.video, asked.span, limit=limit, among=among)
        assert len(found) == limit
        assert found == sorted(found, key=lambda each: -each.similarity)
        shares.append(len(set(found) & set(exact)) / limit)
    return float(np.mean(shares))


@pytest.mark.parametrize(("among", "limit"), [(MOST, 20), (MOST, 100), (LONG, 20)])
def test_nearly_all_are_found(crowded: VoiceStore, among: SimilarFilter, limit: int) -> None:
    assert _recall(crowded, among, limit) >= 0.97


def test_a_filter_that_leaves_few_is_searched_to_the_end(crowded: VoiceStore) -> None:
    asked = crowd.place(3, 5)
    for among in (
        SimilarFilter(videos=[crowd.video(number) for number in range(2)]),
        SimilarFilter(videos=[crowd.video(8)], min_seconds=crowd.LONG_SECONDS),
    ):
        found = crowded.answers.similar(asked.video, asked.span, limit=300, among=among)
        assert found == crowded.answers.similar(
            asked.video, asked.span, limit=300, among=among, exact=True
        )
        assert len(found) in (200, 1)


def test_somebody_who_is_excluded_does_not_crowd_out_the_others(crowded: VoiceStore) -> None:
    asked = crowd.place(3, 5)
    crowded.people.enroll_segments("loud", asked.video, [asked.span], min_speech=1)
    try:
        among = SimilarFilter(excluded_speakers=["loud"])
        found = crowded.answers.similar(asked.video, asked.span, among=among)
        exact = crowded.answers.similar(asked.video, asked.span, among=among, exact=True)
        assert len(found) == 20
        assert len(set(found) & set(exact)) >= 18
        assert (
            max(segment.similarity for segment in found)
            < crowded.encoders.find().threshold.similarity
        )
    finally:
        crowded.people.remove("loud")


def test_similarities_by_the_index_are_exact(crowded: VoiceStore) -> None:
    asked = crowd.place(11, 50)
    exact = {
        (one.video, one.start): one.similarity
        for one in crowded.answers.similar(asked.video, asked.span, limit=200, exact=True)
    }
    for one in crowded.answers.similar(asked.video, asked.span, limit=50):
        assert exact.get((one.video, one.start), one.similarity) == one.similarity


def test_nothing_leaks_into_the_session(connection: Connection) -> None:
    def settings() -> list[object]:
        names = ("hnsw.iterative_scan", "hnsw.ef_search", "hnsw.max_scan_tuples", "enable_seqscan")
        return [connection.scalar(text(f"SHOW {name}")) for name in names]

    call = text("SELECT count(*) FROM pgvoice.similar_segments('video 003', 100, 101, 400)")
    connection.execute(call)
    connection.execute(text("SET LOCAL hnsw.ef_search = 77"))
    before = settings()
    assert before[1] == "77"
    connection.execute(call)
    assert settings() == before


def test_what_the_index_lacks_is_found_all_the_same(crowded: VoiceStore) -> None:
    engine = crowded.database.engine
    ready = (
        "UPDATE pg_index SET indisready = {} WHERE indexrelid IN"
        " (SELECT index FROM pgvoice.segment_index)"
    )
    run(engine, ready.format("false"))
    crowd.put_twins(crowded, "twins")
    # As if it had been stored before the index was built.
    run(
        engine,
        "UPDATE pgvoice.segment_embedding SET created_at = '2001-01-01' WHERE video_id ="
        " (SELECT id FROM pgvoice.video WHERE key = 'twins')",
        ready.format("true"),
    )
    try:
        first, second = crowd.span(1), crowd.span(2)
        (found,) = crowded.answers.similar("twins", first, limit=1)
        assert (found.video, found.start) == ("twins", second[0])
        with engine.connect() as connection:
            (by_index,) = connection.execute(
                text("SELECT video FROM pgvoice.similar_segments(:v, :s, :e, 1, exact => false)"),
                {"v": "twins", "s": first[0], "e": first[1]},
            ).one()
        # Small parts are not scanned by their index, even where it is asked for.
        assert by_index != "twins" or crowded.index.status()[0].parts > 1
    finally:
        crowded.recordings.prune(PruneSelection(video="twins"))


def _plan(
    connection: Connection,
    *,
    by_index: bool,
    among: list[int] | None,
    coarse: bool = False,
    since: bool = False,
) -> str:
    """How Postgres runs the statement of a search; `since`: of what the index does not cover."""
    encoder, dimension, video = connection.execute(
        text("SELECT encoder_id, dimension, video_id FROM pgvoice.segment_embedding LIMIT 1")
    ).one()
    statement = connection.scalar(
        text(
            "SELECT pgvoice_internal.near_statement(:e, :d, :i, true, :among, false, false, :c,"
            " CASE WHEN :since THEN before END, CASE WHEN :i THEN before END)"
            " FROM pgvoice_internal.indexed_segments(:e)"
        ),
        {"e": encoder, "d": dimension, "i": by_index, "c": coarse, "since": since}
        | {"among": among is not None},
    )
    values = f"{video}, 0, 0, '{{{str(among or [])[1:-1]}}}', 0, '{{}}', 20, 40"
    for prepared in (
        "SET LOCAL plan_cache_mode = force_custom_plan",
        "PREPARE near (bigint, integer, integer, bigint[], integer, bigint[], integer, integer)"
        f" AS {statement}",
    ):
        connection.exec_driver_sql(prepared)
    lines = connection.exec_driver_sql(f"EXPLAIN (COSTS OFF) EXECUTE near({values})").scalars()
    plan = "\n".join(lines)
    connection.exec_driver_sql("DEALLOCATE near")
    return plan


@pytest.mark.parametrize("coarse", [False, True])
def test_a_search_by_index_uses_it(connection: Connection, coarse: bool) -> None:
    plan = _plan(connection, by_index=True, among=None, coarse=coarse)
    assert "_hnsw" in plan
    assert "Seq Scan" not in plan


def test_what_the_index_does_not_cover_is_found_by_when_it_was_stored(
    connection: Connection,
) -> None:
    connection.execute(text("SET LOCAL enable_seqscan = off"))
    plan = _plan(connection, by_index=False, among=None, since=True)
    assert "created_at_encoder_id_idx" in plan
    assert "Seq Scan" not in plan


def test_an_exact_search_among_few_videos_uses_the_primary_key(connection: Connection) -> None:
    plan = _plan(connection, by_index=False, among=[3, 4, 5])
    assert "_pkey" in plan
    assert "Seq Scan" not in plan
    assert "_hnsw" not in plan


@pytest.mark.parametrize(
    ("max_rows", "videos", "by_index"),
    [
        (20, "NULL", True),
        (1000, "NULL", True),
        (1001, "NULL", False),
        (20, "ARRAY(SELECT id FROM pgvoice.video LIMIT 3)", False),
    ],
)
def test_when_the_index_is_used(
    connection: Connection, max_rows: int, videos: str, by_index: bool
) -> None:
    chosen = connection.scalar(
        text(
            "SELECT pgvoice_internal.is_search_by_index(e.id,"
            " (pgvoice_internal.indexed_segments(e.id)).segments, :max_rows,"
            f" CAST({videos} AS bigint[])) FROM pgvoice.encoder e"
        ),
        {"max_rows": max_rows},
    )
    assert chosen is by_index


@pytest.mark.parametrize(
    ("segments", "parts", "fewest", "efforts"),
    [
        (None, 0, 130, [130, 400]),
        (1_000_000, 1, 30, [130, 400]),
        (10_000_000, 1, 130, [411, 1000]),
        (10_000_000, 16, 30, [103, 316]),
        (100_000, 16, 130, [130]),
        (1_000_000, 1, 4_000, [1000]),
    ],
)
def test_a_larger_index_is_searched_with_more_effort(
    server_connection: Connection, segments: int | None, parts: int, fewest: int, efforts: list[int]
) -> None:
    found = server_connection.scalar(
        text(
            "SELECT pgvoice_internal.search_efforts("
            " '{130,400}', CAST(:segments AS bigint), :parts, :fewest)"
        ),
        {"segments": segments, "parts": parts, "fewest": fewest},
    )
    assert found == efforts
