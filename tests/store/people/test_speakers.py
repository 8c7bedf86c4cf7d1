"""Enrolling, renaming, merging and removing speakers, and the profiles afterwards."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from pgvoice_testkit.stores.filled import ENCODER, OTHER_ENCODER, THRESHOLD, X, Y, Z, put, unit
from sqlalchemy import text

from pgvoice.store import (
    Exemplar,
    InvalidSegment,
    LastExemplar,
    NoEmbedding,
    SegmentKey,
    SpeakerExists,
    UnknownExemplar,
    UnknownSpeaker,
    UnknownVideo,
    VoiceStore,
)
from pgvoice.store.recordings.segment_rows import Embedding


def _exemplar(embedding: Embedding, start_ms: int = 0) -> Exemplar:
    audio = hashlib.sha256(embedding.tobytes()).hexdigest()
    return Exemplar(embedding, audio, SegmentKey(start_ms, start_ms + 1000), "ann.wav")


def _profile(store: VoiceStore, name: str) -> list[float]:
    with store.database.engine.connect() as connection:
        vector: list[float] = connection.scalar(
            text(
                "SELECT CAST(embedding AS real[]) FROM pgvoice.profile p"
                " JOIN pgvoice.speaker s ON s.id = p.speaker_id WHERE name = :name"
            ),
            {"name": name},
        )
    return vector


def _actions(store: VoiceStore) -> list[tuple[str, str]]:
    with store.database.engine.connect() as connection:
        rows = connection.execute(text("SELECT action, subject FROM pgvoice.audit_event"))
        return [(action, subject) for action, subject in rows]


def test_a_profile_is_the_unit_mean_of_its_exemplars(store: VoiceStore) -> None:
    exemplars = [_exemplar(X), _exemplar(Y, 1000)]
    enrolled = store.people.enroll("ann", exemplars, ENCODER, THRESHOLD, force=True)
    assert (enrolled.added, enrolled.known, enrolled.exemplars) == (2, 0, 2)
    assert enrolled.cohesion == pytest.approx(0.5**0.5)
    assert _profile(store, "ann") == pytest.approx(list(unit(1, 1, 0)))


def test_the_same_exemplar_counts_once(store: VoiceStore) -> None:
    store.people.enroll("ann", [_exemplar(X)], ENCODER, THRESHOLD, min_speech=1)
    exemplars = [_exemplar(X), _exemplar(unit(3, 1, 0), 1000)]
    again = store.people.enroll("ann", exemplars, ENCODER, THRESHOLD, min_speech=1)
    assert (again.added, again.known, again.exemplars) == (1, 1, 2)


def test_enroll_from_stored_segments(store: VoiceStore) -> None:
    put(store, "v", {(0, 1): X, (1, 2): unit(3, 1, 0)})
    enrolled = store.people.enroll_segments("ann", "v", [(0.04, 1.01), (0, 1), (1, 2)])
    assert (enrolled.added, enrolled.known) == (2, 0)
    assert store.people.enroll_segments("ann", "v", [(0, 1)], min_speech=1).known == 1
    assert {(e.source, e.start, e.end) for e in store.people.exemplars("ann")} == {
        ("v", 0, 1),
        ("v", 1, 2),
    }


def test_enroll_from_segments_that_are_not_there(store: VoiceStore) -> None:
    put(store, "v", {(0, 1): X, (1, 2): "silent"})
    with pytest.raises(NoEmbedding, match=r"\(1.0, 2.0\) is silent, \(5.0, 6.0\) is missing"):
        store.people.enroll_segments("ann", "v", [(0, 1), (1, 2), (5, 6)])
    with pytest.raises(UnknownVideo):
        store.people.enroll_segments("ann", "w", [(0, 1)], min_speech=1)
    with pytest.raises(InvalidSegment):
        store.people.enroll_segments("ann", "v", [(1, 0)], min_speech=1)
    assert store.people.speakers() == []


@pytest.mark.parametrize("name", ["", "  "])
def test_a_name_is_not_empty(store: VoiceStore, name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        store.people.enroll(name, [_exemplar(X)], ENCODER, THRESHOLD, min_speech=1)


def test_no_exemplars_is_no_enrollment(store: VoiceStore) -> None:
    with pytest.raises(ValueError, match="no exemplars"):
        store.people.enroll("ann", [], ENCODER, THRESHOLD, min_speech=1)


def test_exemplars_are_shown_least_similar_first(store: VoiceStore) -> None:
    exemplars = [_exemplar(X), _exemplar(unit(9, 1, 0), 1000), _exemplar(Z, 2000)]
    store.people.enroll("ann", exemplars, ENCODER, THRESHOLD, force=True)
    shown = store.people.exemplars("ann")
    assert shown[0].start == 2
    similarities = [e.left_out_similarity or 0 for e in shown]
    assert similarities == sorted(similarities)


def test_a_profile_for_each_encoder(store: VoiceStore) -> None:
    store.people.enroll("ann", [_exemplar(X)], ENCODER, THRESHOLD, min_speech=1)
    store.people.enroll("ann", [_exemplar(Y)], OTHER_ENCODER, THRESHOLD, min_speech=1)
    store.people.enroll("ann", [_exemplar(Z)], OTHER_ENCODER, THRESHOLD, min_speech=1, force=True)
    for encoder, label, exemplars in (
        (None, ENCODER, 1),
        (ENCODER, ENCODER, 1),
        (OTHER_ENCODER, OTHER_ENCODER, 2),
    ):
        (ann,) = store.people.speakers(encoder=encoder)
        assert (ann.speaker, ann.encoder, ann.exemplars) == ("ann", str(label), exemplars)
        assert ann.seconds == exemplars
        assert len(store.people.exemplars("ann", encoder=encoder)) == exemplars
    store.encoders.make_default(OTHER_ENCODER)
    assert [each.encoder for each in store.people.speakers()] == [str(OTHER_ENCODER)]


def test_rename(store: VoiceStore) -> None:
    store.people.enroll("ann", [_exemplar(X)], ENCODER, THRESHOLD, min_speech=1)
    store.people.enroll("bob", [_exemplar(Y)], ENCODER, THRESHOLD, min_speech=1)
    store.people.rename("ann", "anna")
    assert [s.speaker for s in store.people.speakers()] == ["anna", "bob"]
    with pytest.raises(SpeakerExists, match="enroll merge"):
        store.people.rename("anna", "bob")
    with pytest.raises(UnknownSpeaker):
        store.people.rename("ann", "x")


def test_merge_moves_exemplars_and_renews_the_profile(store: VoiceStore) -> None:
    store.people.enroll("ann", [_exemplar(X)], ENCODER, THRESHOLD, min_speech=1)
    exemplars = [_exemplar(X), _exemplar(Y, 1000)]
    store.people.enroll("anna", exemplars, ENCODER, THRESHOLD, force=True)
    store.people.merge("anna", "ann", force=True)
    (summary,) = store.people.speakers()
    assert (summary.speaker, summary.exemplars) == ("ann", 2)
    assert _profile(store, "ann") == pytest.approx(list(unit(1, 1, 0)))
    with pytest.raises(ValueError, match="itself"):
        store.people.merge("ann", "ann")
    with pytest.raises(UnknownSpeaker):
        store.people.merge("anna", "ann")


def test_remove_takes_everything_of_the_speaker(store: VoiceStore) -> None:
    put(store, "v", {(0, 1): X})
    store.people.enroll_segments("ann", "v", [(0, 1)], min_speech=1)
    assert store.people.remove("ann") == 1
    assert store.people.speakers() == []
    assert store.answers.identify("v")[0].reason == "no_profiles"
    with pytest.raises(UnknownSpeaker):
        store.people.remove("ann")


def test_every_change_is_in_the_audit_trail(store: VoiceStore) -> None:
    store.people.enroll("ann", [_exemplar(X)], ENCODER, THRESHOLD, min_speech=1)
    store.people.enroll("bob", [_exemplar(Y)], ENCODER, THRESHOLD, min_speech=1)
    store.people.rename("ann", "anna")
    store.people.merge("bob", "anna", force=True)
    store.people.remove("anna")
    assert _actions(store) == [
        ("enroll", "ann"),
        ("enroll", "bob"),
        ("rename", "ann"),
        ("merge", "bob"),
        ("remove", "anna"),
    ]


def test_enrollments_at_once_all_count(store: VoiceStore) -> None:
    def enroll(i: int) -> None:
        exemplar = _exemplar(unit(1, i, 0), i * 1000)
        store.people.enroll("ann", [exemplar], ENCODER, THRESHOLD, force=True)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(enroll, range(24)))
    (summary,) = store.people.speakers()
    assert summary.exemplars == 24


def test_one_exemplar_is_dropped(store: VoiceStore) -> None:
    put(store, "v", {(0, 1): X, (1, 2): unit(3, 1, 0), (2, 3): unit(4, 1, 0)})
    store.people.enroll_segments("ann", "v", [(0, 1), (1, 2), (2, 3)])
    store.people.enroll_segments("bob", "v", [(0, 1)], force=True)
    number = next(each.number for each in store.people.exemplars("ann") if each.start == 1)
    planned = store.people.drop("ann", number, dry_run=True)
    assert (planned.source, planned.start, planned.end, planned.left) == ("v", 1, 2, 2)
    assert len(store.people.exemplars("ann")) == 3
    dropped = store.people.drop("ann", number)
    assert (planned.act, replace(dropped, act=None)) == (None, planned)
    assert store.acts.list(limit=1)[0].number == dropped.act
    (summary, _) = store.people.speakers()
    assert (summary.exemplars, summary.seconds) == (2, 2)
    assert store.answers.identify("v", [(1, 2)], threshold=-1)[0].similarity == pytest.approx(
        float(unit(3, 1, 0) @ unit(*(X + unit(4, 1, 0)))), abs=1e-6
    )
    assert [
        (event.action, event.subject, event.details["exemplars"])
        for event in store.privacy.audit()
        if event.action == "delete exemplars"
    ] == [("delete exemplars", "ann", 1)]


def test_exemplars_that_cannot_be_dropped(store: VoiceStore) -> None:
    put(store, "v", {(0, 1): X, (1, 2): Y})
    store.people.enroll_segments("ann", "v", [(0, 1)], min_speech=1)
    store.people.enroll_segments("bob", "v", [(1, 2)], min_speech=1)
    (only,) = store.people.exemplars("ann")
    (other,) = store.people.exemplars("bob")
    with pytest.raises(LastExemplar, match=f"exemplar {only.number} is the last one"):
        store.people.drop("ann", only.number)
    with pytest.raises(UnknownExemplar, match="`pgvoice enroll show`"):
        store.people.drop("ann", other.number)
    with pytest.raises(UnknownSpeaker):
        store.people.drop("zoe", only.number)
    assert len(store.people.exemplars("ann")) == 1
