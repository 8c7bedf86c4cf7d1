"""The voices of recordings: computed once, and never of what is no longer there."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pytest
from pgvoice_testkit.servers.databases import new_database, plain, run
from pgvoice_testkit.stores.filled import put, unit
from pgvoice_testkit.stores.slow_thresholds import SlowLibrary
from pgvoice_testkit.stores.voices import DIMENSION, ENCODER, PEOPLE, said, talk
from sqlalchemy import Connection, text

from pgvoice.store import EncoderIdentity, FillRun, PruneSelection, Turn, VoiceStore

OTHER = EncoderIdentity("others", "sha256:0123456789abcdef", "1", DIMENSION, 16_000)
TALKS = ("one", "two", "three")
VOICES = text(
    "SELECT v.key, o.label, o.encoder_id, CAST(o.xmin AS text) FROM pgvoice.voice o"
    " JOIN pgvoice.video v ON v.id = o.video_id ORDER BY 1, 2, 3"
)
COHORTS = text(
    "SELECT v.key, c.encoder_id FROM pgvoice.voice_cohort c JOIN pgvoice.video v"
    " ON v.id = c.video_id ORDER BY 1, 2"
)
REFRESH = text("SELECT pgvoice.refresh_voices(encoder => 1)")
#: No lock is waited for.
IMPATIENT = text("SET LOCAL lock_timeout = '1s'")


def _fill(store: VoiceStore) -> None:
    """Three recordings in which four people each speak."""
    for seed, video in enumerate(TALKS):
        talk(store, video, PEOPLE[seed : seed + 4], each=3, seed=seed)


@pytest.fixture
def library(store: VoiceStore) -> VoiceStore:
    _fill(store)
    return store


@pytest.fixture(scope="module")
def shared(server_url: str, template: str) -> Iterator[VoiceStore]:
    """The same library, which no test changes."""
    with new_database(server_url, template) as url, VoiceStore.open(plain(url)) as store:
        _fill(store)
        yield store


@pytest.fixture
def connection(shared: VoiceStore) -> Iterator[Connection]:
    """A transaction on that library, which is rolled back at the end."""
    with shared.database.unpooled.connect() as opened:
        yield opened
        opened.rollback()


def _videos(connection: Connection) -> list[str]:
    """The recordings that have voices, all of which have been compared."""
    found = sorted({row.key for row in connection.execute(VOICES)})
    assert sorted({row.key for row in connection.execute(COHORTS)}) == found
    return found


def _is_sound(store: VoiceStore) -> bool:
    """Whether the voices are those that a slow twin computes, and `db verify` finds no problem."""
    slow = SlowLibrary(store).voices
    with store.database.engine.connect() as connection:
        rows = connection.execute(
            text("SELECT video_id, label, CAST(embedding AS real[]) FROM pgvoice.voice")
        ).all()
    assert {(row[0], row[1]) for row in rows} == {(v, label) for v in slow for label in slow[v]}
    assert all(slow[video][label] @ vector > 0.999999 for video, label, vector in rows)
    return not any(check.problems for check in store.upkeep.verify())


# Computed once


def test_a_fill_computes_the_voices_of_its_recording(library: VoiceStore) -> None:
    assert _is_sound(library)
    with library.database.engine.connect() as connection:
        assert _videos(connection) == sorted(TALKS)
        seconds = connection.scalars(text("SELECT clean_ms FROM pgvoice.voice"))
        assert set(seconds) == {10_500}


def test_a_second_fill_computes_nothing(library: VoiceStore) -> None:
    with library.database.engine.connect() as connection:
        before = connection.execute(VOICES).all()
    turns = library.recordings.turns("one") or []
    library.recordings.store_turns("one", turns)
    library.recordings.record_fill("one", ENCODER, FillRun(len(turns), len(turns), 0))
    with library.database.engine.begin() as connection:
        assert connection.scalar(REFRESH) == 0
        assert connection.execute(VOICES).all() == before


def test_turns_without_labels_have_no_voice(store: VoiceStore) -> None:
    talk(store, "v", PEOPLE[:1], each=3)
    turns = store.recordings.turns("v") or []
    store.recordings.store_turns("v", [Turn(t.start, t.end) for t in turns])
    with store.database.engine.begin() as connection:
        assert connection.scalar(REFRESH) == 1
        assert connection.execute(VOICES).all() == []
        assert connection.scalar(REFRESH) == 0


def test_vectors_that_cancel_each_other_out_make_no_voice(store: VoiceStore) -> None:
    x = unit(1, *[0] * (DIMENSION - 1))
    put(store, "v", {(0, 1): x, (2, 3): -x, (4, 5): x}, ENCODER)
    store.recordings.store_turns("v", [Turn(0, 1, "A"), Turn(2, 3, "A"), Turn(4, 5, "B")])
    store.recordings.record_fill("v", ENCODER, FillRun(3, 0, 3))
    with store.database.engine.connect() as connection:
        assert [row.label for row in connection.execute(VOICES)] == ["B"]


def test_the_tail_is_fitted_again_as_the_library_grows(store: VoiceStore) -> None:
    fitted = []
    for number in range(8):
        talk(store, f"v{number}", PEOPLE[number % 4 : number % 4 + 4], each=1, seed=number)
        fitted.append(store.thresholds.library().recordings)
    # Whenever it has grown by a fifth.
    assert fitted == [1, 2, 3, 4, 5, 6, 6, 8]
    for number in range(7):
        store.privacy.erase_video(f"v{number}")
    talk(store, "v8", PEOPLE[:4], each=1, seed=8)
    assert store.thresholds.library().recordings == 2
    with store.database.engine.connect() as connection:
        near = connection.scalars(text("SELECT near FROM pgvoice.voice_cohort ORDER BY 1"))
        assert near.all() == [[8], [9]]


def test_recordings_without_labels_have_others_near_them(connection: Connection) -> None:
    connection.execute(text("UPDATE pgvoice.turn SET label = NULL WHERE video_id = 3"))
    connection.execute(REFRESH)
    found = connection.execute(
        text("SELECT voices, near FROM pgvoice.voice_cohort WHERE video_id = 3")
    )
    assert found.one() == (0, [2, 1]), "three of its people speak in the second, two in the first"


# Never of what is no longer there

CHANGES = {
    "a segment is deleted": "DELETE FROM pgvoice.segment_embedding WHERE (video_id, start_ms) ="
    " (1, 0)",
    "a segment is erased": "UPDATE pgvoice.segment_embedding SET embedding = NULL,"
    " status = 'erased' WHERE (video_id, start_ms) = (1, 0)",
    "a segment moves": "UPDATE pgvoice.segment_embedding SET start_ms = 200"
    " WHERE (video_id, start_ms) = (1, 0)",
    "a turn is deleted": "DELETE FROM pgvoice.turn WHERE (video_id, place) = (1, 1)",
    "a turn gets another label": "UPDATE pgvoice.turn SET label = 'x'"
    " WHERE (video_id, place) = (1, 1)",
    "a turn is added": "INSERT INTO pgvoice.turn (video_id, place, start_s, end_s, start_ms,"
    " end_ms) VALUES (1, 100, 500, 501, 500000, 501000)",
    "the turns are replaced": "SELECT pgvoice.store_turns('one', '{0}', '{1.5}', '{x}', '{NULL}')",
    "segments are pruned": "SELECT pgvoice.prune_segments('one')",
    "the audio is replaced": "SELECT pgvoice.replace_audio('one', repeat('e', 64))",
    "the recording is deleted": "DELETE FROM pgvoice.video WHERE key = 'one'",
}


@pytest.mark.parametrize("change", CHANGES)
def test_voices_are_forgotten_when(connection: Connection, change: str) -> None:
    """Those of the changed recording alone."""
    connection.execute(text(CHANGES[change]))
    assert _videos(connection) == ["three", "two"]


@pytest.mark.parametrize("table", ["segment_embedding", "turn", "turn_document", "video"])
def test_voices_are_forgotten_when_a_table_is_truncated(connection: Connection, table: str) -> None:
    connection.execute(text(f"TRUNCATE pgvoice.{table} CASCADE"))
    assert _videos(connection) == []


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE pgvoice.segment_embedding SET status = status WHERE false",
        "UPDATE pgvoice.video SET source = 'elsewhere.wav'",
        "SELECT pgvoice.store_turns('one', t.starts, t.ends, t.labels, t.texts) FROM (SELECT"
        " array_agg(start_s ORDER BY place) AS starts, array_agg(end_s ORDER BY place) AS ends,"
        " array_agg(label ORDER BY place) AS labels, array_agg(text ORDER BY place) AS texts"
        " FROM pgvoice.turn WHERE video_id = 1) AS t",
    ],
)
def test_voices_stay_when_nothing_changes(connection: Connection, change: str) -> None:
    connection.execute(text(change))
    assert _videos(connection) == sorted(TALKS)


def test_what_is_left_makes_other_voices(library: VoiceStore) -> None:
    library.recordings.prune(PruneSelection(video="one"))
    library.privacy.erase_video("two")
    library.recordings.store_turns("three", (library.recordings.turns("three") or [])[:7])
    library.thresholds.refresh()
    assert _is_sound(library)
    assert library.thresholds.library().recordings == 1


def test_erasing_a_person_erases_them_from_voices(library: VoiceStore) -> None:
    turns = library.recordings.turns("one") or []
    spans = [(t.start, t.end) for t in turns if t.label == "person 0"]
    library.people.enroll_segments("person 0", "one", spans, force=True, encoder=ENCODER)
    library.privacy.erase_speaker("person 0", with_segments=True)
    with library.database.engine.connect() as connection:
        assert _videos(connection) == ["three", "two"]
    library.thresholds.refresh()
    assert _is_sound(library)
    with library.database.engine.connect() as connection:
        labels = {row.label for row in connection.execute(VOICES)}
    assert "person 0" not in labels
    assert len(labels) == 5


def test_recordings_near_one_that_is_gone_choose_again(library: VoiceStore) -> None:
    library.privacy.erase_video("two")
    talk(library, "monologue", PEOPLE[:1], each=3, seed=9)
    with library.database.engine.connect() as connection:
        near = connection.scalars(text("SELECT near FROM pgvoice.voice_cohort ORDER BY video_id"))
        assert near.all()[:2] == [[3], [1]]


def test_encoders_have_voices_of_their_own(library: VoiceStore) -> None:
    """A vector of one encoder leaves another's voices alone; turns are common to all."""
    rng = np.random.default_rng(7)
    turns = library.recordings.turns("one") or []
    vectors = {(t.start, t.end): said(str(t.label), 6.0, rng) for t in turns}
    put(library, "one", vectors, OTHER, audio=f"{0:064x}")
    library.recordings.record_fill("one", OTHER, FillRun(len(turns), 0, len(turns)))
    with library.database.engine.connect() as connection:
        encoders = [row.encoder_id for row in connection.execute(VOICES) if row.key == "one"]
        assert sorted(encoders) == [1] * 4 + [2] * 4
        assert [row.encoder_id for row in connection.execute(COHORTS)] == [1, 2, 1, 1]
    library.recordings.store_turns("one", turns[1:])
    with library.database.engine.connect() as connection:
        assert _videos(connection) == ["three", "two"]


# At the same time


@contextmanager
def _in(store: VoiceStore) -> Iterator[Connection]:
    with store.database.unpooled.connect() as connection:
        connection.execute(IMPATIENT)
        yield connection
        connection.commit()


def _forget(store: VoiceStore, *videos: str) -> None:
    """As if the voices had never been computed."""
    for table in ("voice", "voice_cohort"):
        named = ", ".join(f"'{video}'" for video in videos)
        run(
            store.database.engine,
            f"DELETE FROM pgvoice.{table} WHERE video_id IN"
            f" (SELECT id FROM pgvoice.video WHERE key IN ({named}))",
        )


@pytest.mark.parametrize("change", [c for c in CHANGES if "recording" not in c])
def test_what_changes_while_voices_are_computed_is_forgotten(
    library: VoiceStore, change: str
) -> None:
    _forget(library, "one")
    with library.database.unpooled.connect() as computing, ThreadPoolExecutor(1) as pool:
        assert computing.scalar(REFRESH) == 1
        pid: int = computing.scalar(text("SELECT pg_backend_pid()"))
        with _blocked(library, pid):
            changing = pool.submit(run, library.database.engine, CHANGES[change])
        computing.commit()
        changing.result()
    library.thresholds.refresh()
    assert _is_sound(library)


@contextmanager
def _blocked(store: VoiceStore, pid: int) -> Iterator[None]:
    """Start something that has to wait for this process; returns once it does."""
    yield
    waiting = text(
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE CAST(:pid AS integer)"
        " = ANY (pg_blocking_pids(pid)))"
    )
    with store.database.unpooled.connect() as connection:
        while not connection.scalar(waiting, {"pid": pid}):
            connection.rollback()


@pytest.mark.parametrize("change", [c for c in CHANGES if "replaced" not in c])
def test_a_recording_that_changes_is_left_to_the_next(library: VoiceStore, change: str) -> None:
    """Nobody waits for it, and its voices are not those of before."""
    _forget(library, "one", "two")
    with library.database.unpooled.connect() as changing:
        changing.execute(text(CHANGES[change]))
        with _in(library) as computing:
            assert computing.scalar(REFRESH) == 1
            assert _videos(computing) == ["three", "two"]
        changing.commit()
    library.thresholds.refresh()
    assert _is_sound(library)


def test_fills_that_end_together_do_not_wait(library: VoiceStore) -> None:
    """Although each compares the other recordings again, and fits the tail."""
    _forget(library, "one", "two")
    one, two = (
        text(f"SELECT pgvoice.refresh_voices(ARRAY['{video}'], 1)") for video in ("one", "two")
    )
    with library.database.unpooled.connect() as first:
        assert first.scalar(one) == 1
        with _in(library) as second:
            assert second.scalar(two) == 1
        first.commit()
    assert _is_sound(library)


def test_erasing_a_recording_that_is_near_one_does_not_wait(library: VoiceStore) -> None:
    _forget(library, "one")
    with library.database.unpooled.connect() as erasing:
        erasing.execute(text("DELETE FROM pgvoice.video WHERE key = 'two'"))
        with _in(library) as computing:
            assert computing.scalar(REFRESH) == 1
        erasing.commit()
    library.thresholds.refresh()
    assert _is_sound(library)
    with library.database.engine.connect() as connection:
        near = connection.scalars(text("SELECT near FROM pgvoice.voice_cohort ORDER BY video_id"))
        assert near.all() == [[3], [1]]


def test_labels_are_stored_without_holding_up_changes(library: VoiceStore) -> None:
    """Voices that are missing are computed first, and are there for others at once."""
    _forget(library, "one")
    with ThreadPoolExecutor(1) as pool, library.database.unpooled.connect() as labelling:
        labelling.execute(text("SELECT FROM pgvoice.lock WHERE name = 'labels' FOR UPDATE"))
        pid: int = labelling.scalar(text("SELECT pg_backend_pid()"))
        with _blocked(library, pid):
            labelled = pool.submit(library.labels.label)
        with _in(library) as pruning:
            assert _videos(pruning) == sorted(TALKS)
            pruning.execute(text(CHANGES["segments are pruned"]))
        labelling.rollback()
        assert labelled.result().segments == 2 * 4 * 3
