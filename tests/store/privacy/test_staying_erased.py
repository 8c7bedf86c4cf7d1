"""Speech that was erased stays erased, under any key, span, encoder and statement."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from pgvoice_testkit.servers.databases import run
from pgvoice_testkit.stores.filled import (
    ENCODER,
    OTHER_ENCODER,
    THRESHOLD,
    X,
    Y,
    Z,
    put,
    unit,
)
from pgvoice_testkit.stores.passing_time import let_expire
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from pgvoice.store import Consent, Exemplar, SegmentKey, UnknownVideo, VideoAudio, VoiceStore
from pgvoice.store.errors import ConsentMissing, SpeechErased
from pgvoice.store.privacy.erasing import SEGMENTS
from pgvoice.store.recordings.segments import PruneSelection

FILE, OTHER_FILE = "a" * 64, "b" * 64


@pytest.fixture
def library(store: VoiceStore) -> VoiceStore:
    """Ann speaks in the first two seconds of `v` and bob in the third, by two encoders."""
    put(store, "v", {(0, 2): X, (2, 3): Y}, audio=FILE)
    put(store, "v", {(0, 1): X, (1, 2): X, (2, 3): Y}, OTHER_ENCODER, audio=FILE)
    store.people.enroll_segments("ann", "v", [(0, 2)], encoder=ENCODER, consent="form 1")
    store.people.enroll_segments(
        "bob", "v", [(2, 3)], encoder=ENCODER, consent="form 2", min_speech=1
    )
    return store


def _vectors(store: VoiceStore, video: str) -> list[tuple[int, int, int]]:
    with store.database.engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT s.encoder_id, s.start_ms, s.end_ms FROM pgvoice.segment_embedding s"
                " JOIN pgvoice.video v ON v.id = s.video_id WHERE v.key = :video"
                " AND s.embedding IS NOT NULL ORDER BY 1, 2, 3"
            ),
            {"video": video},
        )
        return [tuple(row) for row in rows]


# What is erased


def test_vectors_of_all_encoders_and_of_the_same_audio_go(library: VoiceStore) -> None:
    put(library, "copy", {(0.2, 1.8): X, (2, 3): Y}, audio=FILE)
    put(library, "else", {(0, 1): X}, audio=OTHER_FILE)
    library.people.enroll_segments("bob", "copy", [(2, 3)], encoder=ENCODER, min_speech=1)
    done = library.privacy.erase_speaker("ann", with_segments=True)
    assert done.count(SEGMENTS) == 5
    assert _vectors(library, "v") == [(1, 2000, 3000), (2, 2000, 3000)]
    assert _vectors(library, "copy") == [(1, 2000, 3000)]
    assert _vectors(library, "else") == []


def test_who_only_touches_the_persons_speech_keeps_the_vector(library: VoiceStore) -> None:
    """Two people who talk at the same time share a vector; 0.4 s are too little for one."""
    put(library, "v", {(1.6, 2.6): Y, (1.4, 2.8): Y}, audio=FILE)
    library.privacy.erase_speaker("ann", with_segments=True)
    assert (1, 1600, 2600) in _vectors(library, "v")
    assert (1, 1400, 2800) not in _vectors(library, "v")


@pytest.mark.parametrize("ended", ["withdrawn", "withdrawn in SQL", "expired", "deleted in SQL"])
def test_erasing_after_the_voiceprint_is_gone(library: VoiceStore, ended: str) -> None:
    put(library, "w", {(0, 1): unit(1, 0.1, 0)}, audio=OTHER_FILE)
    library.labels.label(encoder=ENCODER)
    if ended == "withdrawn":
        library.privacy.withdraw_consent("ann")
    else:
        if ended == "expired":
            end = "SELECT now() + interval '1 day'"
            run(
                library.database.engine,
                "INSERT INTO pgvoice.consent (speaker_id, granted_by, purpose, expires_at)"
                f" SELECT 1, 'ann', 'names', ({end})",
            )
            let_expire(library, "ann")
            library.privacy.delete_expired()
        else:
            run(library.database.engine, "UPDATE pgvoice.consent SET withdrawn_at = now()")
        if ended == "deleted in SQL":
            run(
                library.database.engine,
                "DELETE FROM pgvoice.profile WHERE speaker_id = 1",
                "DELETE FROM pgvoice.enrollment WHERE speaker_id = 1",
            )
    library.labels.relabel(encoder=ENCODER)
    run(library.database.engine, "DELETE FROM pgvoice.attribution")
    planned = library.privacy.erase_speaker("ann", with_segments=True, dry_run=True)
    assert planned.count(SEGMENTS) == 4
    assert library.privacy.erase_speaker("ann", with_segments=True).rows == planned.rows
    assert _vectors(library, "w") == []
    assert _vectors(library, "v") == [(1, 2000, 3000), (2, 2000, 3000)]


def test_withdrawing_without_a_consent_on_record(library: VoiceStore) -> None:
    put(library, "w", {(0, 1): Z, (1, 2): unit(0, 0.1, 1)}, audio=OTHER_FILE)
    library.people.enroll_segments("cem", "w", [(0, 1)], encoder=ENCODER, min_speech=1)
    assert library.privacy.withdraw_consent("cem") == 1
    assert library.privacy.audit("cem", limit=1)[0].action == "withdraw consent"
    with pytest.raises(ConsentMissing):
        library.people.enroll_segments("cem", "w", [(0, 1)], encoder=ENCODER, min_speech=1)
    assert library.privacy.erase_speaker("cem", with_segments=True).count(SEGMENTS) == 2


def test_labels_of_older_runs_count(library: VoiceStore) -> None:
    put(library, "w", {(0, 1): Z}, audio=OTHER_FILE)
    library.labels.pin("w", (0, 1), "ann", encoder=ENCODER)
    library.labels.unpin("w", (0, 1), encoder=ENCODER)
    library.privacy.erase_speaker("ann", with_segments=True)
    assert _vectors(library, "w") == []


def test_calibrations_from_while_the_person_was_enrolled_go(library: VoiceStore) -> None:
    add = (
        "INSERT INTO pgvoice.calibration (encoder_id, target_far, band_ms, thresholds, margins,"
        " gallery, labels_from, measured, created_at) VALUES ({encoder}, 0.01, '{{0}}', '{{0.4}}',"
        " '{{0}}', 4, '{what}', '{{}}', {at})"
    )
    started = "(SELECT enrolled_from FROM pgvoice.speaker WHERE id = 1)"
    run(
        library.database.engine,
        *(add.format(encoder=encoder, what="while", at=started) for encoder in (1, 2)),
        add.format(encoder=1, what="before", at=f"{started} - interval '1 s'"),
    )
    library.privacy.withdraw_consent("ann")
    run(
        library.database.engine,
        add.format(encoder=1, what="after", at="now() + interval '1 s'"),
    )
    assert library.privacy.erase_speaker("ann", with_segments=False).count("calibrations") == 2
    with library.database.engine.connect() as connection:
        kept = connection.scalars(text("SELECT labels_from FROM pgvoice.calibration ORDER BY 1"))
        assert kept.all() == ["after", "before"]


# What comes back


def _shifted(store: VoiceStore) -> None:
    put(store, "v", {(0.1, 1.1): X}, audio=FILE)


def _another_key(store: VoiceStore) -> None:
    put(store, "again", {(0, 1): X}, audio=FILE)


def _another_encoder(store: VoiceStore) -> None:
    put(store, "v", {(0.2, 1.2): X}, OTHER_ENCODER, audio=FILE)


def _replaced_and_back(store: VoiceStore) -> None:
    for file in (OTHER_FILE, FILE):
        audio = VideoAudio(file, 600_000, "v.wav")
        store.recordings.register("v", audio, ENCODER, THRESHOLD, "replace")
    put(store, "v", {(0, 2): X}, audio=FILE)


def _pruned(store: VoiceStore) -> None:
    with suppress(UnknownVideo):
        store.recordings.prune(PruneSelection("v"))
    put(store, "v", {(0, 2): X}, audio=FILE)


def _deleted(store: VoiceStore) -> None:
    run(store.database.engine, "DELETE FROM pgvoice.segment_embedding")
    put(store, "v", {(0, 2): X}, audio=FILE)


def _updated(store: VoiceStore) -> None:
    run(
        store.database.engine,
        "UPDATE pgvoice.segment_embedding SET embedding = '[1,0,0]', status = 'ok'",
    )


def _audio_named_later(store: VoiceStore) -> None:
    put(store, "later", {(0, 1): X}, audio="c" * 64)
    run(
        store.database.engine,
        f"UPDATE pgvoice.video SET audio_sha256 = '{FILE}' WHERE key = 'later'",
    )


def _audio_changed_later(store: VoiceStore) -> None:
    put(store, "later", {(0, 1): X}, audio="c" * 64)
    audio = VideoAudio(FILE, 600_000, "v.wav")
    store.recordings.register("later", audio, ENCODER, THRESHOLD, "keep")


def _enrolled(store: VoiceStore) -> None:
    exemplar = Exemplar(X, FILE, SegmentKey(100, 1100), "file")
    store.people.enroll("eve", [exemplar], ENCODER, THRESHOLD, force=True)


@pytest.mark.parametrize("what", ["speaker", "video"])
@pytest.mark.parametrize(
    "attack",
    [
        _shifted,
        _another_key,
        _another_encoder,
        _replaced_and_back,
        _pruned,
        _deleted,
        _updated,
        _audio_named_later,
        _audio_changed_later,
        _enrolled,
    ],
)
def test_it_does_not_come_back(
    library: VoiceStore, attack: Callable[[VoiceStore], None], what: str
) -> None:
    put(library, "v", {(4, 5): "silent"}, audio=FILE)
    if what == "speaker":
        library.privacy.erase_speaker("ann", with_segments=True)
    else:
        library.privacy.erase_video("v")
        if attack is _updated:
            put(library, "v", {(0, 1): "erased"}, audio=FILE)
    with pytest.raises((SpeechErased, DBAPIError), match=r"speech from .* was erased"):
        attack(library)
    assert not [row for row in _vectors(library, "v") if row[1] < 2000]
    assert _vectors(library, "again") == []


def test_a_recording_whose_audio_was_never_read_stays_erased(store: VoiceStore) -> None:
    ids = store.recordings.register("v", None, ENCODER, THRESHOLD)
    assert ids.video_id == 1
    store.privacy.erase_video("v")
    with pytest.raises(SpeechErased):
        put(store, "v", {(0, 1): X}, audio=FILE)


def test_erased_speech_is_not_missing(library: VoiceStore) -> None:
    library.privacy.erase_speaker("ann", with_segments=True)
    run(library.database.engine, "DELETE FROM pgvoice.segment_embedding")
    keys = [SegmentKey(0, 2000), SegmentKey(100, 900), SegmentKey(2000, 3000)]
    found = library.recordings.missing("v", ENCODER, keys)
    assert found == [SegmentKey(2000, 3000)]
    assert found.erased == set(keys[:2])
    assert library.recordings.missing("never seen", ENCODER, keys) == keys


# What allows it again


def test_a_new_consent_of_the_person_allows_it_again(library: VoiceStore) -> None:
    library.privacy.erase_speaker("ann", with_segments=True)
    library.privacy.grant_consent("bob", "form 4")
    old = Consent("ann", granted_at=library.privacy.consents("bob")[0].consent.granted_at)
    library.privacy.grant_consent("ann", old)
    for unrelated in (_shifted, _enrolled):
        with pytest.raises(SpeechErased):
            unrelated(library)
    library.privacy.grant_consent(" ANN", "form 5")
    assert library.recordings.missing("v", ENCODER, [SegmentKey(0, 2000)]) != []
    put(library, "v", {(0, 2): X}, audio=FILE)
    assert library.people.enroll_segments(" ANN", "v", [(0, 2)], encoder=ENCODER).added == 1


def test_a_consent_leaves_what_somebody_else_erased(library: VoiceStore) -> None:
    put(library, "v", {(1.5, 2.5): Y}, audio=FILE)
    library.labels.pin("v", (1.5, 2.5), "bob", encoder=ENCODER)
    for name in ("ann", "bob"):
        library.privacy.erase_speaker(name, with_segments=True)
    library.privacy.grant_consent("ann", "form 6")
    keys = [SegmentKey(0, 1000), SegmentKey(1500, 2500), SegmentKey(2000, 3000)]
    assert library.recordings.missing("v", ENCODER, keys) == keys[:1]


def test_a_recording_is_allowed_by_a_deliberate_act(library: VoiceStore) -> None:
    library.privacy.erase_video("v")
    library.privacy.grant_consent("ann", "form 7")
    with pytest.raises(SpeechErased):
        put(library, "v", {(0, 1): X}, audio=FILE)
    library.privacy.allow_video("v")
    put(library, "v", {(0, 1): X}, audio=FILE)
    put(library, "again", {(0, 1): X}, audio=FILE)
    with pytest.raises(UnknownVideo):
        library.privacy.allow_video("v")


def test_nobody_else_lifts_an_erasure(library: VoiceStore) -> None:
    """Not even an admin's statement: only the owner may change that table."""
    library.privacy.erase_video("v")
    with library.database.engine.connect() as connection:
        rights = connection.execute(
            text(
                "SELECT role, privilege FROM unnest(ARRAY['pgvoice_reader', 'pgvoice_writer',"
                " 'pgvoice_admin']) AS role, unnest(ARRAY['INSERT', 'UPDATE', 'DELETE',"
                " 'TRUNCATE']) AS privilege"
                " WHERE has_table_privilege(role, 'pgvoice.erased_span', privilege)"
            )
        ).all()
    assert rights == []
