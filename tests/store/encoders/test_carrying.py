"""Exemplars carried over to another encoder: what is copied, what is listed, what is refused."""

from __future__ import annotations

import hashlib

import pytest
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
from sqlalchemy import text

from pgvoice.store import Exemplar, SegmentKey, VoiceStore
from pgvoice.store.encoders.carrying import Carried, ExemplarVector
from pgvoice.store.recordings.segment_rows import Embedding

AUDIO = hashlib.sha256(b"v").hexdigest()


@pytest.fixture
def library(store: VoiceStore) -> VoiceStore:
    """Ann by two segments of one recording, Bob by a file; the other encoder has one segment."""
    put(store, "v", {(0, 1): X, (1, 2): unit(3, 1, 0)})
    store.people.enroll_segments("ann", "v", [(0, 1), (1, 2)])
    exemplar = Exemplar(Y, "f" * 64, SegmentKey(0, 2000), "bob.wav", 0.8)
    store.people.enroll("bob", [exemplar], ENCODER, THRESHOLD)
    put(store, "v", {(0, 1): Z}, OTHER_ENCODER)
    return store


def _rows(store: VoiceStore, statement: str) -> list[tuple[object, ...]]:
    with store.database.engine.begin() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


def _exemplars(store: VoiceStore, encoder: int) -> list[tuple[object, ...]]:
    return _rows(
        store,
        "SELECT s.name, e.audio_sha256, e.start_ms, e.end_ms, e.source, e.video_id, e.quality,"
        " e.excluded, e.created_at FROM pgvoice.enrollment e JOIN pgvoice.speaker s"
        f" ON s.id = e.speaker_id WHERE e.encoder_id = {encoder} ORDER BY s.name, e.start_ms",
    )


def _profile(store: VoiceStore, name: str, encoder: int) -> list[float]:
    ((vector,),) = _rows(
        store,
        "SELECT CAST(p.embedding AS real[]) FROM pgvoice.profile p JOIN pgvoice.speaker s"
        f" ON s.id = p.speaker_id WHERE s.name = '{name}' AND p.encoder_id = {encoder}",
    )
    assert isinstance(vector, list)
    return vector


def test_exemplars_with_a_stored_vector_are_copied_and_the_others_listed(
    library: VoiceStore,
) -> None:
    assert library.encoders.carry(OTHER_ENCODER) == Carried(exemplars=1, voices=0)
    ann, _, bob = _exemplars(library, 1)
    assert _exemplars(library, 2) == [ann]
    assert _profile(library, "ann", 2) == pytest.approx(list(Z))
    second, file = library.encoders.missing_exemplars(OTHER_ENCODER)
    assert (second.speaker, second.source, second.video) == ("ann", "v", "v")
    assert (second.audio_sha256, second.key) == (AUDIO, SegmentKey(1000, 2000))
    assert (file.speaker, file.source, file.video, file.audio_sha256) == (
        "bob", "bob.wav", None, "f" * 64,
    )  # fmt: skip
    assert {each.reason for each in (second, file)} == {"no vector"}
    assert second.can_be_computed
    vectors = [ExemplarVector(file.number, X), ExemplarVector(second.number, unit(0, 1, 1))]
    assert library.encoders.add_exemplars(OTHER_ENCODER, vectors) == 2
    assert _exemplars(library, 2) == _exemplars(library, 1)
    assert bob in _exemplars(library, 2)
    assert _profile(library, "bob", 2) == pytest.approx(list(X))
    assert library.encoders.missing_exemplars(OTHER_ENCODER) == []


def test_carrying_again_changes_nothing(library: VoiceStore) -> None:
    library.encoders.carry(OTHER_ENCODER)
    (_, file) = library.encoders.missing_exemplars(OTHER_ENCODER)
    library.encoders.add_exemplars(OTHER_ENCODER, [ExemplarVector(file.number, X)])
    before = _rows(library, "SELECT * FROM pgvoice.enrollment ORDER BY id")
    events = len(library.privacy.audit())
    assert library.encoders.carry(OTHER_ENCODER) == Carried(0, 0)
    assert library.encoders.add_exemplars(OTHER_ENCODER, [ExemplarVector(file.number, Z)]) == 0
    assert library.encoders.add_exemplars(OTHER_ENCODER, []) == 0
    assert _rows(library, "SELECT * FROM pgvoice.enrollment ORDER BY id") == before
    assert len(library.privacy.audit()) == events


def test_carrying_enrolls_nobody(library: VoiceStore) -> None:
    """It is one event of the audit trail, no act, and nobody is enrolled from then on."""
    people = _rows(library, "SELECT * FROM pgvoice.speaker ORDER BY id")
    acts = library.acts.list()
    events = len(library.privacy.audit())
    with library.database.engine.connect() as listening:
        listening.execute(text("LISTEN pgvoice"))
        listening.commit()
        library.encoders.carry(OTHER_ENCODER)
        listening.execute(text("SELECT 1"))
        driver = listening.connection.driver_connection
        assert driver is not None
        assert list(driver.notifies(timeout=0.05)) == []
    assert _rows(library, "SELECT * FROM pgvoice.speaker ORDER BY id") == people
    assert library.acts.list() == acts
    (event,) = [e for e in library.privacy.audit() if e.action == "carry over"]
    assert len(library.privacy.audit()) == events + 1
    assert (event.subject, event.details) == (
        "toy@sha256:fedcba987654", {"from": "toy@sha256:0123456789ab", "exemplars": 1},
    )  # fmt: skip


def test_a_stored_vector_of_the_same_audio_under_another_key_counts(store: VoiceStore) -> None:
    put(store, "v", {(0, 2): X})
    store.people.enroll_segments("ann", "v", [(0, 2)])
    put(store, "w", {(0, 2): Y}, OTHER_ENCODER, audio=AUDIO)
    assert store.encoders.carry(OTHER_ENCODER).exemplars == 1


def test_the_same_recording_with_other_audio_does_not_count(store: VoiceStore) -> None:
    put(store, "v", {(0, 2): X})
    store.people.enroll_segments("ann", "v", [(0, 2)])
    _rows(store, f"SELECT * FROM pgvoice.replace_audio('v', '{'e' * 64}')")
    put(store, "v", {(0, 2): Y}, OTHER_ENCODER, audio="e" * 64)
    assert store.encoders.carry(OTHER_ENCODER).exemplars == 0
    (lost,) = store.encoders.missing_exemplars(OTHER_ENCODER)
    assert (lost.source, lost.video, lost.reason) == ("v", None, "no vector")


def test_a_recording_whose_audio_was_read_later_counts(store: VoiceStore) -> None:
    """As with vectors that were imported before the audio was at hand."""
    put(store, "v", {(0, 2): X})
    _rows(store, "UPDATE pgvoice.video SET audio_sha256 = NULL RETURNING id")
    store.people.enroll_segments("ann", "v", [(0, 2)])
    put(store, "v", {(0, 2): Y}, OTHER_ENCODER)
    assert store.encoders.carry(OTHER_ENCODER).exemplars == 1
    assert [row[1] for row in _exemplars(store, 2)] == ["video 1"]


@pytest.mark.parametrize("excluded", [True, False])
def test_exemplars_stay_left_out_of_the_profile(library: VoiceStore, excluded: bool) -> None:
    with library.database.engine.begin() as connection:
        connection.execute(text(f"UPDATE pgvoice.enrollment SET excluded = {excluded}"))
    library.encoders.carry(OTHER_ENCODER)
    assert [row[7] for row in _exemplars(library, 2)] == [excluded]
    profiles = _rows(library, "SELECT FROM pgvoice.profile WHERE encoder_id = 2")
    assert len(profiles) == (0 if excluded else 1)


def test_imported_exemplars_have_no_span(library: VoiceStore) -> None:
    imported = Exemplar(X, "a" * 64, SegmentKey(0, 0), "elsewhere")
    library.people.enroll("eve", [imported], ENCODER, THRESHOLD, min_speech=0, force=True)
    library.encoders.carry(OTHER_ENCODER)
    lost = library.encoders.missing_exemplars(OTHER_ENCODER)[-1]
    assert (lost.speaker, lost.reason, lost.can_be_computed) == ("eve", "no span", False)


def test_whoever_may_not_be_stored_is_left_out_and_listed(library: VoiceStore) -> None:
    """One's consent ended, one's voice opted out; the others are carried over all the same."""
    put(library, "w", {(0, 2): X, (2, 4): Y, (4, 6): Z})
    for name, span in (("cat", (0, 2)), ("dan", (2, 4)), ("eve", (4, 6))):
        library.people.enroll_segments(name, "w", [span], ENCODER, force=True)
    put(library, "w", {(0, 2): X, (2, 4): Y, (4, 6): unit(1, 1, 1)}, OTHER_ENCODER)
    _opt_out(library, X)
    with library.database.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO pgvoice.consent (speaker_id, granted_by, purpose, granted_at,"
                " expires_at) SELECT id, 'dan', 'x', now() - interval '9 days',"
                " now() - interval '1 day' FROM pgvoice.speaker WHERE name = 'dan'"
            )
        )
    assert library.encoders.carry(OTHER_ENCODER).exemplars == 2
    assert {row[0] for row in _exemplars(library, 2)} == {"ann", "eve"}
    refused = {e.speaker: e for e in library.encoders.missing_exemplars(OTHER_ENCODER)}
    assert (refused["cat"].reason, refused["dan"].reason) == ("opted out", "no consent")
    assert not refused["cat"].can_be_computed
    vectors = [ExemplarVector(refused["cat"].number, X), ExemplarVector(refused["dan"].number, Y)]
    vectors.append(ExemplarVector(refused["bob"].number, Y))
    assert library.encoders.add_exemplars(OTHER_ENCODER, vectors) == 1
    assert {row[0] for row in _exemplars(library, 2)} == {"ann", "bob", "eve"}


def _opt_out(store: VoiceStore, voice: Embedding) -> None:
    """Somebody whose voice with the other encoder is this one opts out."""
    exemplar = Exemplar(voice, "9" * 64, SegmentKey(0, 2000), "zoe.wav")
    store.people.enroll("zoe", [exemplar], OTHER_ENCODER, THRESHOLD, force=True)
    store.privacy.erase_speaker("zoe", with_segments=False, opt_out_voice=True)


def test_exemplars_that_together_sound_like_an_opted_out_voice(store: VoiceStore) -> None:
    put(store, "v", {(0, 2): X, (2, 4): Y})
    store.people.enroll_segments("ann", "v", [(0, 2), (2, 4)], ENCODER, force=True)
    put(store, "v", {(0, 2): unit(1, 1, 0), (2, 4): unit(1, -1, 0)}, OTHER_ENCODER)
    _opt_out(store, X)
    assert store.encoders.carry(OTHER_ENCODER).exemplars == 0
    assert [e.reason for e in store.encoders.missing_exemplars(OTHER_ENCODER)] == ["opted out"] * 2


def test_whom_another_encoder_heard_opt_out_is_counted(store: VoiceStore) -> None:
    """No voiceprint is made of somebody who opted out, so the new encoder does not know them."""
    put(store, "v", {(0, 2): X})
    _opt_out(store, X)
    assert store.encoders.unrecognised_opt_outs() == 1
    assert store.encoders.unrecognised_opt_outs(OTHER_ENCODER) == 0
    assert store.encoders.carry(ENCODER, like=OTHER_ENCODER).unrecognised_opt_outs == 1


def test_vectors_that_cancel_each_other_out_make_no_profile(store: VoiceStore) -> None:
    put(store, "v", {(0, 2): X, (2, 4): unit(3, 1, 0)})
    store.people.enroll_segments("ann", "v", [(0, 2), (2, 4)], ENCODER, force=True)
    put(store, "v", {(0, 2): X, (2, 4): -X}, OTHER_ENCODER)
    assert store.encoders.carry(OTHER_ENCODER).exemplars == 0
    assert [e.reason for e in store.encoders.missing_exemplars(OTHER_ENCODER)] == ["no profile"] * 2


def test_a_vector_of_another_dimension_is_refused(library: VoiceStore) -> None:
    lost = library.encoders.missing_exemplars(OTHER_ENCODER)[-1]
    with pytest.raises(ValueError, match="makes vectors of 3 elements"):
        library.encoders.add_exemplars(
            OTHER_ENCODER, [ExemplarVector(lost.number, unit(1, 0, 0, 0))]
        )
