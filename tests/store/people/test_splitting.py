"""Splitting a speaker: by recording, by exemplar, by the vectors; labels, consents, encoders."""

from __future__ import annotations

import pytest
from pgvoice_testkit.stores.filled import ENCODER, OTHER_ENCODER, X, Y, Z, put, unit

from pgvoice.store import (
    ConsentMissing,
    IncoherentExemplars,
    NothingToSplit,
    UnknownExemplar,
    UnknownSpeaker,
    VoiceStore,
)

NEAR_X, NEAR_Y = unit(1, 0.1, 0), unit(0.1, 1, 0)


@pytest.fixture
def mixed(store: VoiceStore) -> VoiceStore:
    """Ann has her own exemplars, two of bob's from `w`, and one of his from a file."""
    put(store, "v", {(0, 1): X, (1, 2): NEAR_X, (2, 3): unit(1, 0.2, 0)})
    put(store, "w", {(0, 1): Y, (1, 2): NEAR_Y, (2, 3): X})
    store.people.enroll_segments("ann", "v", [(0, 1), (1, 2), (2, 3)])
    store.people.enroll_segments("ann", "w", [(0, 1), (1, 2)], force=True)
    return store


def _exemplars(store: VoiceStore, name: str) -> list[tuple[str, float]]:
    return sorted((each.source, each.start) for each in store.people.exemplars(name))


MOVED = [("w", 0.0), ("w", 1.0)]


@pytest.mark.parametrize(
    "choice", [{"videos": ["w"]}, {"exemplars": [4, 5]}, {"suggest": True}], ids=str
)
def test_exemplars_move_to_somebody_new(mixed: VoiceStore, choice: dict[str, list[str]]) -> None:
    done = mixed.people.split("ann", "bob", **choice)  # type: ignore[arg-type]
    assert [(each.source, each.start) for each in done.moved] == MOVED
    assert (done.speaker, done.into, done.left, done.labels) == ("ann", "bob", 3, 0)
    assert _exemplars(mixed, "bob") == MOVED
    assert len(_exemplars(mixed, "ann")) == 3
    assert {each.speaker: each.exemplars for each in mixed.people.speakers()} == {
        "ann": 3,
        "bob": 2,
    }
    assert [each.speaker for each in mixed.answers.identify("w")] == ["bob", "bob", "ann"]


def test_labels_of_the_person_are_judged_again(mixed: VoiceStore) -> None:
    put(mixed, "x", {(0, 1): Z, (1, 2): Y})
    mixed.labels.label()
    mixed.labels.pin("w", (0, 1), "ann")
    before = {each.video for each in mixed.labels.speaker_time() if each.speaker == "ann"}
    assert before == {"v", "w", "x"}
    done = mixed.people.split("ann", "bob", videos=["w"])
    assert done.labels == 2
    assert [each.speaker for each in mixed.labels.current("w")] == ["ann", "bob", "ann"]
    assert [each.speaker for each in mixed.labels.current("x")] == [None, "bob"]


def test_a_span_moves_with_every_encoder(mixed: VoiceStore) -> None:
    put(mixed, "w", {(0, 1): Z}, OTHER_ENCODER)
    put(mixed, "v", {(0, 1): X}, OTHER_ENCODER)
    for video in ("v", "w"):
        mixed.people.enroll_segments("ann", video, [(0, 1)], OTHER_ENCODER, force=True)
    done = mixed.people.split("ann", "bob", suggest=True, encoder=ENCODER)
    assert len(done.moved) == 3
    for encoder in (ENCODER, OTHER_ENCODER):
        people = mixed.people.speakers(encoder=encoder)
        assert {each.encoder for each in people if each.speaker == "bob"} == {str(encoder)}


def test_an_exemplar_that_the_other_has_is_not_doubled(mixed: VoiceStore) -> None:
    mixed.people.enroll_segments("bob", "w", [(0, 1)], force=True)
    mixed.people.split("ann", "bob", videos=["w"])
    assert _exemplars(mixed, "bob") == MOVED
    assert len(_exemplars(mixed, "ann")) == 3


def test_a_consent_does_not_pass_on(mixed: VoiceStore) -> None:
    mixed.privacy.grant_consent("ann", "form 1")
    with pytest.raises(ConsentMissing, match="'bob' has no valid consent"):
        mixed.people.split("ann", "bob", videos=["w"])
    assert {each.speaker for each in mixed.people.speakers()} == {"ann"}
    mixed.people.split("ann", "bob", videos=["w"], consent="form 2")
    assert [each.speaker for each in mixed.privacy.consents()] == ["ann", "bob"]


def test_what_is_refused(mixed: VoiceStore) -> None:
    split = mixed.people.split
    with pytest.raises(UnknownSpeaker):
        split("cyd", "bob", videos=["w"])
    with pytest.raises(UnknownExemplar, match="99"):
        split("ann", "bob", exemplars=[99])
    with pytest.raises(NothingToSplit, match="no exemplar of 'ann' is from 'x'"):
        split("ann", "bob", videos=["x"])
    with pytest.raises(NothingToSplit, match="all exemplars of 'ann' would be moved"):
        split("ann", "bob", videos=["v", "w"])
    with pytest.raises(NothingToSplit, match="choose some"):
        split("ann", "bob")
    with pytest.raises(ValueError, match="the same name"):
        split("ann", "ann", videos=["w"])
    mixed.people.split("ann", "bob", videos=["w"])
    with pytest.raises(NothingToSplit, match="sound like one person"):
        split("ann", "cyd", suggest=True)
    with pytest.raises(IncoherentExemplars):
        split("ann", "bob", exemplars=[1])
    assert mixed.people.split("ann", "bob", exemplars=[1], force=True, dry_run=True).left == 2
    assert len(_exemplars(mixed, "ann")) == 3
