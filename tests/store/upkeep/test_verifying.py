"""A sound store has no problems, and every kind of damage is found and named."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pgvoice_testkit.servers.databases import new_database, plain, run
from pgvoice_testkit.stores.filled import ENCODER, X, Y, put, unit
from sqlalchemy import Connection, text

from pgvoice.store import FillRun, StoreCheck, Turn, VoiceStore
from pgvoice.store.people import speakers


@pytest.fixture(scope="module")
def library(server_url: str, template: str) -> Iterator[VoiceStore]:
    """Segments of two recordings, two people, labels, a pin, an index and fills."""
    with new_database(server_url, template) as url, VoiceStore.open(plain(url)) as store:
        _use(store)
        yield store


@pytest.fixture
def connection(library: VoiceStore) -> Iterator[Connection]:
    """A transaction on that store, which is rolled back at the end."""
    with library.database.unpooled.connect() as opened:
        yield opened
        opened.rollback()


def _use(store: VoiceStore) -> None:
    put(store, "v", {(0, 1): X, (1, 2): unit(1, 0.5, 0), (2, 2.1): "too_short"})
    put(store, "w", {(0, 1): Y, (4, 6): unit(1, 0.1, 0)})
    store.recordings.record_fill("v", ENCODER, FillRun(3, 0, 2, {"too_short": 1}))
    put(store, "x", {(0, 1): X, (2, 3): Y, (3, 5): unit(0.1, 1, 0)})
    store.recordings.store_turns("x", [Turn(0, 1, "A"), Turn(2, 3, "B"), Turn(3, 5, "B")])
    store.recordings.record_fill("x", ENCODER, FillRun(3, 0, 3))
    put(store, "gone", {(0, 1): unit(0, 0, 1)})
    put(store, "talk", {(20, 25): unit(0, 0, 1)})
    store.recordings.store_turns("talk", [Turn(20, 25, "A"), Turn(23, 24, "B")])
    store.privacy.erase_video("gone")
    store.people.enroll_segments("ann", "v", [(0, 1), (1, 2)])
    store.people.enroll_segments("bob", "w", [(0, 1)], min_speech=1)
    store.labels.label()
    store.labels.pin("v", (1, 2), "bob")
    pinned = store.labels.pin("v", (0, 1), "bob")
    assert pinned is not None
    store.labels.revert(pinned)
    store.index.build()
    store.labels.pin("x", (2, 3), "ann")
    store.voices.enable()
    put(store, "y", {(0, 2): X, (2, 4): unit(0.1, 0, 1)})
    store.recordings.store_turns("y", [Turn(0, 2, "A"), Turn(2, 4, "B")])
    store.thresholds.refresh()
    assert store.voices.unknown()
    run(
        store.database.engine,
        "INSERT INTO pgvoice.verdict (video_id, spans, holds, speaker_id)"
        " SELECT v.id, '{[2000,3000)}', false, s.id FROM pgvoice.video v"
        " CROSS JOIN pgvoice.speaker s WHERE (v.key, s.name) = ('x', 'ann')",
    )


def _checks(connection: Connection) -> list[StoreCheck]:
    rows = connection.execute(text("SELECT * FROM pgvoice.verify(10000)"))
    return [StoreCheck(*row) for row in rows]


def _problems(checks: list[StoreCheck]) -> list[StoreCheck]:
    return [check for check in checks if check.problems]


def test_a_store_in_use_is_clean(library: VoiceStore) -> None:
    found = library.upkeep.verify()
    assert _problems(found) == []
    assert all(check.looked_at for check in found)


def test_an_empty_store_is_clean(store: VoiceStore) -> None:
    assert _problems(store.upkeep.verify()) == []


def test_after_erasing_it_is_clean(library: VoiceStore, connection: Connection) -> None:
    speakers.remove(connection, "ann")
    connection.execute(text("DELETE FROM pgvoice.video WHERE key = 'w'"))
    assert _problems(_checks(connection)) == []


LOOSE = "ALTER TABLE pgvoice.{} DROP CONSTRAINT {}"
#: An index of vectors rejects vectors of another length.
NO_INDEX = (
    "DO $$ BEGIN EXECUTE (SELECT string_agg(format('DROP INDEX pgvoice.%I', indexname), '; ')"
    " FROM pg_indexes WHERE indexdef LIKE '%USING hnsw%'); END $$"
)


@pytest.mark.parametrize(
    ("damage", "what", "example"),
    [
        ([LOOSE.format("segment_embedding", "segment_embedding_status_embedding_check"),
          "UPDATE pgvoice.segment_embedding SET status = 'silent' WHERE end_ms = 2000"],
         "segments: a vector exactly", "v, 1000 to 2000 ms"),
        ([LOOSE.format("segment_embedding", "segment_embedding_dimension_check"),
          LOOSE.format("segment_embedding", "segment_embedding_encoder_id_dimension_fkey"),
          "UPDATE pgvoice.segment_embedding SET dimension = 2 WHERE end_ms = 6000"],
         "segments: vectors of their encoder's", "w, 4000 to 6000 ms"),
        ([NO_INDEX, LOOSE.format("segment_embedding", "segment_embedding_dimension_check"),
          "UPDATE pgvoice.segment_embedding SET embedding = '[1,0]' WHERE end_ms = 6000"],
         "segments: vectors of their encoder's", "w, 4000 to 6000 ms"),
        ([LOOSE.format("segment_embedding", "segment_embedding_encoder_id_dimension_fkey"),
          "UPDATE pgvoice.segment_embedding SET encoder_id = 99 WHERE end_ms = 6000"],
         "segments: of a recording", "w, 4000 to 6000 ms"),
        ([LOOSE.format("segment_embedding", "segment_embedding_unit_length_check"),
          "UPDATE pgvoice.segment_embedding SET embedding = '[1,1,0]' WHERE end_ms = 6000"],
         "segments: vectors of unit", "w, 4000 to 6000 ms"),
        (["UPDATE pgvoice.segment_embedding SET start_ms = 4010 WHERE end_ms = 6000"],
         "segments: spans on the grid", "w, 4010 to 6000 ms"),
        ([LOOSE.format("segment_embedding", "segment_embedding_video_id_fkey"),
          "ALTER TABLE pgvoice.video DISABLE TRIGGER ALL", "UPDATE pgvoice.segment_embedding"
          " SET video_id = 99 WHERE end_ms = 6000"],
         "segments: of a recording", "video 99, 4000 to 6000 ms"),
        (["UPDATE pgvoice.turn SET overlapped_ms = 0"],
         "turns: overlapped time", "talk, 20000 to 25000 ms"),
        (["DELETE FROM pgvoice.clean_part WHERE start_ms = 24000"],
         "turns: overlapped time", "talk, 20000 to 25000 ms"),
        ([LOOSE.format("enrollment", "enrollment_unit_length_check"),
          "UPDATE pgvoice.enrollment SET embedding = '[2,0,0]' WHERE id = 1"],
         "exemplars", "exemplar 1 of ann"),
        ([LOOSE.format("enrollment", "enrollment_dimension_check"),
          "UPDATE pgvoice.enrollment SET embedding = '[1,0]' WHERE id = 1"],
         "exemplars", "exemplar 1 of ann"),
        ([LOOSE.format("enrollment", "enrollment_speaker_id_fkey"),
          "UPDATE pgvoice.enrollment SET speaker_id = 99 WHERE id = 1"],
         "exemplars", "exemplar 1 of speaker 99"),
        (["ALTER TABLE pgvoice.enrollment DISABLE TRIGGER USER",
          "INSERT INTO pgvoice.encoder (name, revision, preprocessing, dimension, sample_rate,"
          " default_threshold, threshold_source) VALUES ('o', 'o', '1', 3, 16000, 0.5, 'o')",
          "INSERT INTO pgvoice.enrollment (speaker_id, encoder_id, dimension, embedding, start_ms,"
          " end_ms, audio_sha256, source, created_at) SELECT 2, 2, 3, '[0,0,1]', start_ms, end_ms,"
          " audio_sha256, source, created_at FROM pgvoice.enrollment WHERE id = 1"],
         "encoders", "exemplar 1 of ann"),
        (["UPDATE pgvoice.act_change SET new = new || '{\"encoder_id\": 99}'"
          " WHERE relation = 'enrollment'"], "acts: nothing of encoders", "act 1"),
        ([LOOSE.format("profile", "profile_dimension_check"),
          "UPDATE pgvoice.profile SET embedding = '[1,0]' WHERE speaker_id = 1"],
         "profiles", "ann"),
        ([LOOSE.format("profile", "profile_unit_length_check"),
          "UPDATE pgvoice.profile SET embedding = embedding + embedding WHERE speaker_id = 1"],
         "profiles", "ann"),
        (["UPDATE pgvoice.profile SET cohesion = 0.9 WHERE speaker_id = 1"], "profiles", "ann"),
        (["UPDATE pgvoice.profile SET embedding = '[0,0,1]' WHERE speaker_id = 1"],
         "profiles", "ann"),
        (["UPDATE pgvoice.enrollment SET excluded = true WHERE id = 1"], "profiles", "ann"),
        (["DELETE FROM pgvoice.profile WHERE speaker_id = 2"], "profiles", "bob"),
        (["ALTER TABLE pgvoice.segment_embedding DISABLE TRIGGER USER",
          "DELETE FROM pgvoice.segment_embedding WHERE end_ms = 6000"],
         "comparisons: of segments", "4000 to 6000 ms"),
        (["UPDATE pgvoice.compared_profile SET embedding = '[1,0]' WHERE speaker_id = 1"],
         "comparisons: profiles", "profile of speaker 1"),
        (["UPDATE pgvoice.nearest SET similarity = 0.5 WHERE end_ms = 6000"],
         "comparisons: the two", "w, 4000 to 6000 ms"),
        (["UPDATE pgvoice.voice SET embedding = '[0,0,1]' WHERE label = 'B'"], "voices", "B in"),
        (["UPDATE pgvoice.voice SET clean_ms = 2000 WHERE label = 'B'"], "voices", "B in"),
        (["UPDATE pgvoice.voice SET label = 'C' WHERE label = 'A'"], "voices", "A in"),
        (["DELETE FROM pgvoice.voice"], "voices", "A in"),
        (["DELETE FROM pgvoice.voice_cohort"], "voices", "?1 in video 1"),
        (["ALTER TABLE pgvoice.segment_embedding DISABLE TRIGGER segment_embedding_deleted_voices",
          "DELETE FROM pgvoice.segment_embedding WHERE end_ms = 5000"], "voices", "B in"),
        (["UPDATE pgvoice.unknown_voice SET ended_at = now(), ended_as = 'gone'"],
         "unknown voices: linked", "voice "),
        (["ALTER TABLE pgvoice.linked_voice DISABLE TRIGGER USER",
          "DELETE FROM pgvoice.linked_voice"], "unknown voices: linked", "voice "),
        (["ALTER TABLE pgvoice.setting DISABLE TRIGGER USER",
          "UPDATE pgvoice.setting SET linking = false, linking_since = NULL"],
         "unknown voices: linked", "voice "),
        ([LOOSE.format("linked_voice", "linked_voice_unknown_voice_id_fkey"),
          "ALTER TABLE pgvoice.linked_voice DISABLE TRIGGER USER",
          "UPDATE pgvoice.linked_voice SET unknown_voice_id = 0"],
         "unknown voices: linked", "voice 0"),
        ([LOOSE.format("linked_voice", "linked_voice_video_id_fkey"),
          "UPDATE pgvoice.linked_voice SET video_id = 99"], "links", "B in video 99"),
        (["DELETE FROM pgvoice.unknown_voice_mean"], "unknown voices: the mean", "voice "),
        (["UPDATE pgvoice.unknown_voice_mean SET length = 0.9 * length"],
         "unknown voices: the mean", "voice "),
        (["UPDATE pgvoice.unknown_voice_mean SET voices = voices + 1"],
         "unknown voices: the mean", "voice "),
        (["UPDATE pgvoice.unknown_voice_mean SET embedding = '[0,1,0]'"],
         "unknown voices: the mean", "voice "),
        ([LOOSE.format("verdict", "verdict_video_id_fkey"),
          "UPDATE pgvoice.verdict SET video_id = 99"], "words", "word "),
        ([LOOSE.format("verdict", "verdict_speaker_id_fkey"),
          "UPDATE pgvoice.verdict SET speaker_id = 99"], "words", "word "),
        (["UPDATE pgvoice.act SET undone_at = now(), undone_by = 'somebody'"],
         "acts: what they changed", "act "),
        (["UPDATE pgvoice.act SET final_because = 'it is too old'"],
         "acts: what they changed", "act "),
        (["DELETE FROM pgvoice.attribution", "DELETE FROM pgvoice.speaker WHERE name = 'ann'",
          "DELETE FROM pgvoice.act_change WHERE relation = 'speaker'"],
         "acts: nothing about people", "act "),
        (["UPDATE pgvoice.attribution SET current = false WHERE end_ms = 6000"],
         "labels: one", "4000 to 6000 ms"),
        (["UPDATE pgvoice.attribution SET current = NOT current WHERE video_id = 1"
          " AND end_ms = 1000"], "labels: one", "0 to 1000 ms"),
        *(([LOOSE.format("attribution", f"attribution_{column}_fkey"),
            f"UPDATE pgvoice.attribution SET {column} = 99 WHERE end_ms = 6000"],
           "labels: of a recording", "4000 to 6000 ms")
          for column in ("video_id", "speaker_id", "runner_up_id", "run_id")),
        (["UPDATE pgvoice.attribution_run SET changed = 1"], "label runs", "run 1"),
        (["UPDATE pgvoice.fill_run SET filled = 3"], "fills", "fill 1"),
        (["ALTER TABLE pgvoice.segment_embedding DISABLE TRIGGER segment_embedding_deleted"],
         "indexes and", "segment_embedding_deleted"),
        (["UPDATE pg_index SET indisvalid = false WHERE indexrelid ="
          " 'pgvoice.attribution_run_id_idx'::regclass"], "indexes and", "attribution_run_id_idx"),
        (["ALTER TABLE pgvoice.fill_run ADD CONSTRAINT new CHECK (requested > 9) NOT VALID"],
         "indexes and", "new"),
    ],
)  # fmt: skip
def test_damage_is_found(
    connection: Connection, damage: list[str], what: str, example: str
) -> None:
    for statement in damage:
        connection.execute(text(statement))
    (found,) = (each for each in _checks(connection) if each.what.startswith(what))
    assert found.problems
    assert found.example is not None
    assert example in found.example
