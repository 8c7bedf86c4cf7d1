"""Consent, erasure, opt-outs, retention, and their audit trail."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from pgvoice_testkit.servers.databases import run
from pgvoice_testkit.stores.filled import ENCODER, THRESHOLD, X, Y, put, unit
from pgvoice_testkit.stores.passing_time import let_expire
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from pgvoice.store import Consent, Exemplar, SegmentKey, UnknownSpeaker, VoiceStore
from pgvoice.store.errors import ConsentMissing, OptedOut
from pgvoice.store.privacy.erasing import ACTS, SEGMENTS

AGREED = Consent("ann herself", evidence="form of 2026-03-01")
SOON = datetime.now(UTC) + timedelta(days=400)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def library(store: VoiceStore) -> VoiceStore:
    """Ann is X and bob is Y, both enrolled from `v`; `w` has more of ann, and a stranger."""
    put(store, "v", {(0, 1): X, (1, 2): Y})
    put(store, "w", {(0, 1): unit(1, 0.1, 0), (2, 3): unit(0.1, 0.1, 1), (4, 4.1): "too_short"})
    store.people.enroll_segments("ann", "v", [(0, 1)], consent=AGREED, min_speech=1)
    store.people.enroll_segments("bob", "v", [(1, 2)], min_speech=1)
    store.labels.label()
    return store


def _rows(store: VoiceStore, question: str) -> list[tuple[object, ...]]:
    with store.database.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(question))]


def test_nobody_is_enrolled_without_a_consent(library: VoiceStore) -> None:
    library.privacy.require_consent()
    with pytest.raises(ConsentMissing, match=r"'cem'.*--consent"):
        library.people.enroll_segments("cem", "w", [(2, 3)], force=True)
    assert "cem" not in {person.speaker for person in library.people.speakers()}
    with pytest.raises(DBAPIError, match="'bob' has no valid consent on record"):
        run(
            library.database.engine,
            "INSERT INTO pgvoice.enrollment (speaker_id, encoder_id, dimension, embedding,"
            " start_ms, end_ms, audio_sha256, source) SELECT id, 1, 3, '[0,0,1]', 0, 1, 'x', 'psql'"
            " FROM pgvoice.speaker WHERE name = 'bob'",
        )
    assert (
        library.people.enroll_segments(
            "cem", "w", [(2, 3)], consent=Consent("cem"), min_speech=1
        ).added
        == 1
    )
    library.privacy.require_consent(required=False)
    assert library.people.enroll_segments("bob", "w", [(0, 1)], force=True).added == 1


@pytest.mark.parametrize(
    "ended",
    [
        Consent("cem", expires_at=LONG_AGO),
        Consent("cem", granted_at=LONG_AGO, withdrawn_at=LONG_AGO),
    ],
    ids=["expired", "withdrawn"],
)
def test_a_consent_that_ended_does_not_count(library: VoiceStore, ended: Consent) -> None:
    library.privacy.require_consent()
    with pytest.raises(ConsentMissing):
        library.people.enroll_segments("cem", "w", [(2, 3)], consent=ended, min_speech=1)
    library.privacy.grant_consent("cem", ended)
    (kept,) = library.privacy.consents("cem")
    assert not kept.valid


def test_a_consent_says_who_agreed_to_what(library: VoiceStore) -> None:
    for empty in (Consent(" "), Consent("ann", purpose="")):
        with pytest.raises(ValueError, match="does not say"):
            library.privacy.grant_consent("ann", empty)
    (kept,) = library.privacy.consents()
    assert (kept.speaker, kept.valid) == ("ann", True)
    assert (kept.consent.granted_by, kept.consent.evidence) == (AGREED.granted_by, AGREED.evidence)


def test_a_withdrawal_ends_recognition_at_once(library: VoiceStore) -> None:
    assert library.privacy.withdraw_consent("ann") == 1
    assert {each.speaker for each in library.answers.identify("w")} == {None}
    assert library.people.exemplars("ann") == []
    (kept,) = library.privacy.consents("ann")
    assert kept.consent.withdrawn_at is not None
    assert library.labels.current("w")[0].speaker == "ann"


def test_a_dry_run_lists_what_then_goes(library: VoiceStore) -> None:
    before = library.upkeep.checksums()
    planned = library.privacy.erase_speaker("ann", with_segments=True, dry_run=True)
    assert library.upkeep.checksums() == before
    done = library.privacy.erase_speaker("ann", with_segments=True)
    assert done.rows == planned.rows
    assert {each.what: each.rows for each in done.rows if each.rows} == {
        SEGMENTS: 2,
        ACTS: 1,
        "labels": 2,
        "labels with the person as runner-up": 1,
        "kept comparisons": 4,
        "exemplars": 1,
        "profiles": 1,
        "consents": 1,
        "names": 1,
    }
    with pytest.raises(UnknownSpeaker):
        library.people.exemplars("ann")
    assert _rows(library, "SELECT count(*) FROM pgvoice.attribution WHERE speaker_id = 1") == [(0,)]
    assert not [check for check in library.upkeep.verify() if check.problems]


def test_emptied_segments_are_not_missing(library: VoiceStore) -> None:
    library.privacy.erase_speaker("ann", with_segments=True)
    assert library.recordings.missing("w", ENCODER, [SegmentKey(0, 1000)]) == []
    assert [each.reason for each in library.answers.identify("w")] == [
        "erased",
        "below_threshold",
        "too_short",
    ]
    assert _rows(library, "SELECT statuses FROM pgvoice.coverage('w')") == [
        ({"ok": 1, "erased": 1, "too_short": 1},)
    ]


def test_segments_stay_on_request(library: VoiceStore) -> None:
    done = library.privacy.erase_speaker("ann", with_segments=False)
    assert done.count(f"{SEGMENTS} that are kept") == 2
    assert {each.reason for each in library.answers.identify("w")} == {
        "below_threshold",
        "too_short",
    }


def test_calibrations_that_used_the_person_go(library: VoiceStore) -> None:
    run(
        library.database.engine,
        "INSERT INTO pgvoice.calibration (encoder_id, target_far, band_ms, thresholds, margins,"
        " gallery, labels_from, measured, active, created_at) SELECT 1, 0.01, '{0}', '{0.4}', "
        " '{0}', 4, 'x', '{}', active, at"
        " FROM (VALUES (true, now()), (false, now() - interval '1 day')) AS a(active, at)",
        "UPDATE pgvoice.attribution_run SET calibration_id = 1",
    )
    assert library.privacy.erase_speaker("ann", with_segments=False).count("calibrations") == 1
    assert _rows(library, "SELECT active FROM pgvoice.calibration") == [(False,)]


def test_a_recording_goes_with_all_of_it(library: VoiceStore) -> None:
    planned = library.privacy.erase_video("v", dry_run=True)
    done = library.privacy.erase_video("v")
    assert done.rows == planned.rows
    assert {each.what: each.rows for each in done.rows if each.rows} == {
        "segments": 2,
        "labels": 2,
        "kept comparisons": 2,
        "recordings": 1,
        "exemplars that are kept": 2,
    }
    assert not [check for check in library.upkeep.verify() if check.problems]
    assert library.answers.identify("w")[0].speaker == "ann"


def test_vectors_leave_the_index_with_a_vacuum(library: VoiceStore) -> None:
    """Pgvector overwrites an element that is vacuumed; VACUUM FULL rewrites the table."""
    marked = np.array([0.123, 0.456, 0.789], np.float32)
    marked /= np.linalg.norm(marked)
    put(library, "x", {(0, 1): marked, (1, 2): Y})
    library.people.enroll_segments("cem", "x", [(0, 1)], min_speech=1)
    library.index.build()
    halves, singles = marked.astype(np.float16).tobytes(), marked.tobytes()
    assert halves in _index_bytes(library)
    library.privacy.erase_speaker("cem", with_segments=True)
    engine = library.database.engine.execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("VACUUM pgvoice.segment_embedding"))
        connection.execute(text("CHECKPOINT"))
        assert halves not in _index_bytes(library)
        for table in ("segment_embedding", "enrollment", "profile"):
            connection.execute(text(f"VACUUM FULL pgvoice.{table}"))
        connection.execute(text("CHECKPOINT"))
    everything = b"".join(
        path.read_bytes() for path in _data_folder(library).rglob("base/*/*") if path.is_file()
    )
    assert Y.tobytes() in everything
    assert singles not in everything


def _index_bytes(store: VoiceStore) -> bytes:
    run(store.database.engine, "CHECKPOINT")
    paths = _rows(
        store,
        "SELECT pg_relation_filepath(c.oid) FROM pg_class c JOIN pg_am a ON a.oid = c.relam"
        " WHERE a.amname = 'hnsw'",
    )
    return b"".join((_data_folder(store) / str(path)).read_bytes() for (path,) in paths)


def _data_folder(store: VoiceStore) -> Path:
    return Path(str(_rows(store, "SHOW data_directory")[0][0]))


def test_a_name_that_opted_out_stays_out(library: VoiceStore) -> None:
    library.privacy.erase_speaker("ann", with_segments=False, opt_out=True)
    for again in ("ann", " Ann"):
        with pytest.raises(OptedOut, match="asked not to be"):
            library.people.enroll_segments(again, "w", [(0, 1)], force=True)
    with pytest.raises(OptedOut):
        library.people.rename("bob", "ANN")
    assert library.people.enroll_segments("other", "w", [(0, 1)], min_speech=1).added == 1
    (kept,) = library.privacy.opt_outs()
    assert kept.voices == ()
    kept_rows = _rows(library, "SELECT o.*, k.* FROM pgvoice.opt_out o, pgvoice.opt_out_key k")
    assert "ann" not in str(kept_rows)
    library.privacy.lift_opt_out("ANN")
    assert library.people.enroll_segments("ann", "v", [(0, 1)], force=True).added == 1
    with pytest.raises(UnknownSpeaker):
        library.privacy.lift_opt_out("ann")


def test_a_voice_that_opted_out_stays_out(library: VoiceStore) -> None:
    library.privacy.erase_speaker("ann", with_segments=False, opt_out_voice=True)
    with pytest.raises(OptedOut):
        library.people.enroll_segments("other", "w", [(0, 1)], force=True)
    exemplar = Exemplar(X, "0" * 64, SegmentKey(0, 1000), "file")
    with pytest.raises(OptedOut):
        library.people.enroll("another", [exemplar], ENCODER, THRESHOLD, force=True)
    assert library.people.enroll_segments("cem", "w", [(2, 3)], min_speech=1).added == 1
    (kept,) = library.privacy.opt_outs()
    assert kept.voices == (str(ENCODER),)


def test_retention(library: VoiceStore) -> None:
    library.privacy.grant_consent("bob", Consent("bob", expires_at=SOON))
    let_expire(library, "ann")
    run(
        library.database.engine,
        "UPDATE pgvoice.segment_embedding SET created_at = now() - interval '9 days 1 hour'",
    )
    planned = library.privacy.delete_expired(unattributed_days=9, dry_run=True)
    assert (planned.speakers, planned.exemplars, planned.segments) == (("ann",), 1, 1)
    done = library.privacy.delete_expired(unattributed_days=9)
    assert (done.speakers, done.exemplars, done.segments) == (("ann",), 1, 1)
    assert library.people.exemplars("ann") == []
    assert len(library.people.exemplars("bob")) == 1
    assert library.recordings.missing(
        "w", ENCODER, [SegmentKey(0, 1000), SegmentKey(2000, 3000)]
    ) == [SegmentKey(2000, 3000)]
    nothing = library.privacy.delete_expired()
    assert (nothing.speakers, nothing.segments) == ((), 0)


def test_the_trail_tells_what_was_done(library: VoiceStore) -> None:
    library.labels.pin("w", (0, 1), "bob")
    library.labels.relabel()
    library.people.export_speakers(["bob"], destination="file")
    library.privacy.erase_video("v")
    library.privacy.erase_speaker("ann", with_segments=True, opt_out=True)
    told = [(event.action, event.subject) for event in library.privacy.audit()]
    assert told == [
        ("erase segments", "w"),
        ("erase speaker", "ann"),
        ("opt out", "opt-out 1"),
        ("erase video", "v"),
        ("export", "bob"),
        ("pin", "w"),
        ("label", "all videos"),
        ("enroll", "bob"),
        ("enroll", "ann"),
        ("consent", "ann"),
    ]
    assert [event.action for event in library.privacy.audit("bob", limit=1)] == ["export"]
    for change in (
        "UPDATE pgvoice.audit_event SET subject = 'x'",
        "DELETE FROM pgvoice.audit_event",
    ):
        with pytest.raises(DBAPIError, match="append-only"):
            run(library.database.engine, change)
