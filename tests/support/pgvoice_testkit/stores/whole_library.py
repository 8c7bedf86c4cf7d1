"""A store with rows in every table, and the answers to all questions."""

from __future__ import annotations

from pgvoice.store import FillRun, VoiceStore
from pgvoice.store.turns import Turn
from pgvoice.store.upkeep.ingests import Outcome
from pgvoice_testkit.servers.databases import run
from pgvoice_testkit.stores.filled import ENCODER, OTHER_ENCODER, X, Y, Z, put, unit
from pgvoice_testkit.stores.voices import ENCODER as VOICES
from pgvoice_testkit.stores.voices import PEOPLE, enroll, write


def make(store: VoiceStore) -> None:
    """Fill a new store; every table must have rows."""
    put(store, "v", {(0, 1): X, (1, 2): unit(1, 0.5, 0), (2, 2.1): "too_short", (3, 4): "silent"})
    put(store, "w", {(0, 1): Y, (4, 6): unit(1, 0.1, 0), (7, 9): Z})
    put(store, "w", {(4, 5.2): unit(1, 0.2, 0), (5.2, 6): Y})
    put(store, "v", {(0, 1): Z, (1, 2): Y, (3, 4): unit(0, 1, 4)}, OTHER_ENCODER)
    turns = [Turn(0, 1, "A"), Turn(1, 2, "B", "text"), Turn(2, 2.1, "B"), Turn(3, 4)]
    store.recordings.store_turns("v", turns, source="v.rttm")
    overlapping = [Turn(0, 1, "A"), Turn(4, 6, "B"), Turn(5.2, 6, "A"), Turn(7, 9, "C")]
    store.recordings.store_turns("w", overlapping, source="w.rttm")
    store.recordings.record_fill("v", ENCODER, FillRun(4, 0, 2, {"too_short": 1, "silent": 1}))
    store.people.enroll_segments("ann", "v", [(0, 1), (1, 2)], encoder=ENCODER)
    store.people.enroll_segments("Bob'; --", "w", [(0, 1)], encoder=ENCODER, min_speech=1)
    store.people.enroll_segments("zoë", "v", [(3, 4)], encoder=OTHER_ENCODER, force=True)
    store.people.enroll_segments("gone", "w", [(7, 9)], encoder=ENCODER)
    store.people.remove("gone")
    _people(store)
    store.labels.label(encoder=ENCODER)
    store.labels.pin("v", (1, 2), "Bob'; --", encoder=ENCODER)
    pinned = store.labels.pin("v", (0, 1), "zoë", encoder=ENCODER)
    assert pinned is not None
    store.labels.revert(pinned)
    store.index.build(ENCODER)
    run(
        store.database.engine,
        "INSERT INTO pgvoice.deleted_segment (video_id, start_ms, end_ms, encoder_id)"
        " VALUES (1, 500000, 501000, 1)",
        "INSERT INTO pgvoice.consent (speaker_id, granted_by, purpose, expires_at)"
        " VALUES (1, 'ann herself', 'names in transcripts', '2040-02-29 12:00:00.123456+02')",
    )
    put(store, "x", {(0, 1): unit(-1, 0.2, 0.1)})
    store.recordings.store_turns("x", [Turn(0, 1, "A")], segmenter="made up@1")
    _ingest(store)
    for name in ("ended", "erased"):
        store.people.enroll_segments(name, "x", [(0, 1)], encoder=ENCODER, force=True)
    store.privacy.grant_consent("ended", "a form")
    store.privacy.withdraw_consent("ended")
    store.privacy.erase_speaker("erased", with_segments=True)
    store.people.enroll_segments("out", "w", [(7, 9)], encoder=ENCODER)
    store.privacy.erase_speaker("out", with_segments=False, opt_out_voice=True)
    _unknown_voices(store)
    empty = [each.table for each in store.upkeep.checksums() if not each.rows]
    assert not empty, f"{__name__}.make puts no rows in {empty}"


def _ingest(store: VoiceStore) -> None:
    """Note one recording of each state, as an ingest does."""
    store.ingests.expect("library", {key: {"video": key} for key in ("v", "w", "x", "y")})
    done = [Outcome("w", filled=2, work_seconds=1.5), Outcome("y", "no audio", work_seconds=0.1)]
    store.ingests.settle("library", done)
    run(
        store.database.engine,
        "UPDATE pgvoice.ingest_video SET state = 'filled', attempts = 1 WHERE video = 'x'",
    )


def _people(store: VoiceStore) -> None:
    """Add made-up voices of a second encoder, and calibrated thresholds."""
    first = write(store, "first", PEOPLE, each=6, seed=1)
    enroll(store, "first", first, PEOPLE)
    second = write(store, "second", PEOPLE, each=9, seed=2)
    store.thresholds.calibrate(0.05, encoder=VOICES, labels={"second": second})
    store.labels.label(encoder=VOICES)
    left_out = f"SELECT min(id) FROM pgvoice.enrollment WHERE dimension = {VOICES.dimension}"
    run(
        store.database.engine,
        f"UPDATE pgvoice.enrollment SET excluded = true WHERE id = ({left_out})",
        "SELECT pgvoice_internal.refresh_profile(speaker_id, encoder_id) FROM pgvoice.enrollment"
        f" WHERE id = ({left_out})",
    )


def _unknown_voices(store: VoiceStore) -> None:
    """Link the voices of several recordings, one of them dismissed, and store a person's words."""
    run(
        store.database.engine,
        "UPDATE pgvoice.setting SET linking = true",
        "INSERT INTO pgvoice.unknown_voice (heard_at, dismissed_as) VALUES (now(), NULL),"
        " ('2040-02-29 12:00:00.123456+02', 'tv')",
        "INSERT INTO pgvoice.unknown_voice (ended_at, ended_as, merged_into)"
        " VALUES (now(), 'merged', 1), (now(), 'gone', NULL)",
        "INSERT INTO pgvoice.linked_voice (video_id, label, encoder_id, unknown_voice_id,"
        " impostor_mean, level)"
        " SELECT video_id, label, encoder_id, CASE label WHEN 'B' THEN 2 ELSE 1 END, 0.1, 0.2"
        " FROM pgvoice.voice WHERE label IN ('A', 'B')",
        "INSERT INTO pgvoice.act (kind, subject, transaction, author, undone_at, undone_by)"
        " VALUES ('same', 'voice 1', 1, 'someone', now(), 'someone')",
        "WITH one AS (INSERT INTO pgvoice.act (kind, subject, transaction, details)"
        " VALUES ('dismiss', 'voice 2', 2, '{\"why\": \"tv\"}') RETURNING id)"
        " INSERT INTO pgvoice.act_change (act_id, relation, key, old, new)"
        " SELECT one.id, 'unknown_voice', jsonb_build_object('id', u.id),"
        " to_jsonb(u) || '{\"dismissed_as\": null}', to_jsonb(u)"
        " FROM pgvoice.unknown_voice AS u CROSS JOIN one WHERE u.id = 2",
        "INSERT INTO pgvoice.verdict (act_id, video_id, spans, holds, speaker_id,"
        " unknown_voice_id) VALUES (NULL, 1, '{[0,1000),[3000,4000)}', true, 1, NULL),"
        " (NULL, 2, '{[4000,6000)}', false, 1, NULL), (NULL, 2, '{[7000,9000)}', true, NULL, NULL),"
        " (1, 1, '{[0,1000)}', true, NULL, 1), (1, 2, '{[0,1000)}', false, NULL, 2)",
    )


def answers(store: VoiceStore) -> dict[str, object]:
    """The store's answers to all questions."""
    videos = [("v", ENCODER), ("w", ENCODER), ("v", OTHER_ENCODER), ("second", VOICES)]
    return {
        "identify": [store.answers.identify(video, encoder=encoder) for video, encoder in videos],
        "search": store.answers.appearances("ann", encoder=ENCODER),
        "similar": store.answers.similar("v", (0, 1), encoder=ENCODER, exact=True),
        "labels": [store.labels.current(video) for video in ("v", "w", "second")],
        "label runs": store.labels.runs(),
        "speakers": store.people.speakers(),
        "exemplars": [store.people.exemplars(each.speaker) for each in store.people.speakers()],
        "calibration": store.thresholds.calibrations(encoder=VOICES),
        "encoders": store.encoders.list(),
        "statistics": store.recordings.statistics().all_time,
    }
