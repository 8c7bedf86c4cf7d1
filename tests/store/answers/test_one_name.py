"""One label, one name: the answers and the kept labels of a recording whose labels share people."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from pgvoice_testkit.stores.filled import X, Y, put, unit

from pgvoice.store import Turn, VoiceStore
from pgvoice.store.recordings.segment_rows import Embedding

#: Ann and bob as enrolled, two who sound like ann but not like each other, and more of ann.
VOICES: dict[tuple[float, float], Embedding | str] = {
    (0, 2): X, (2, 4): Y, (4, 6): unit(0.9, 0, 0.44), (6, 8): unit(0.72, 0, -0.69),
    (8, 10): unit(0.95, 0, 0.31), (10, 12): unit(0.65, 0.1, 0.75),
}  # fmt: skip
ANN, BOB, LIKE_ANN, LIKE_ANN_TOO, ANN_AGAIN, WEAK = VOICES


@pytest.fixture
def meeting(store: VoiceStore) -> VoiceStore:
    put(store, "v", VOICES)
    store.people.enroll_segments("ann", "v", [ANN])
    store.people.enroll_segments("bob", "v", [BOB])
    return store


def _answers(
    store: VoiceStore, labels: Mapping[tuple[float, float], str | None]
) -> dict[tuple[float, float], str]:
    """Who speaks in these segments, or why nobody is named; the same as is kept as labels."""
    found = store.answers.identify_clusters(
        "v", labels, labels.values(), threshold=0.7, one_label_one_name=True
    )
    answers = [each.identification for each in found]
    store.recordings.store_turns("v", [Turn(*span, label) for span, label in labels.items()])
    for videos in (["v"], None):
        store.labels.label(videos, threshold=0.7, one_label_one_name=True)
        kept = {label.key: (label.speaker, label.reason) for label in store.labels.current("v")}
        assert kept == {each.key: (each.speaker, each.reason) for each in answers}
    return {span: each.speaker or each.reason for span, each in zip(labels, answers, strict=True)}


def test_a_label_has_the_name_that_most_of_its_speech_is(meeting: VoiceStore) -> None:
    found = _answers(meeting, {ANN: "a", LIKE_ANN: "a", ANN_AGAIN: "a", BOB: "a"})
    assert found == {ANN: "ann", LIKE_ANN: "ann", ANN_AGAIN: "ann", BOB: "other_label"}


def test_a_name_goes_to_the_label_that_is_nearest(meeting: VoiceStore) -> None:
    """And the other label does not get the name of the person who is second nearest."""
    found = _answers(meeting, {LIKE_ANN: "a", LIKE_ANN_TOO: "b", BOB: "c"})
    assert found == {LIKE_ANN: "ann", LIKE_ANN_TOO: "other_label", BOB: "bob"}


def test_two_labels_of_one_voice_share_a_name(meeting: VoiceStore) -> None:
    """A diarizer has split ann."""
    found = _answers(meeting, {ANN: "a", LIKE_ANN: "b", ANN_AGAIN: "b", BOB: "c"})
    assert found == {ANN: "ann", LIKE_ANN: "ann", ANN_AGAIN: "ann", BOB: "bob"}


def test_what_has_no_label_is_judged_alone(meeting: VoiceStore) -> None:
    found = _answers(meeting, {ANN: "a", LIKE_ANN_TOO: None, BOB: None})
    assert found == {ANN: "ann", LIKE_ANN_TOO: "ann", BOB: "bob"}


def test_a_stray_name_does_not_keep_a_label_from_passing_its_own_on(meeting: VoiceStore) -> None:
    labels = {ANN: "a", LIKE_ANN: "a", ANN_AGAIN: "a", BOB: "a", WEAK: "a"}
    usual = meeting.answers.identify_clusters("v", labels, labels.values(), threshold=0.7)
    assert usual[-1].identification.reason == "below_threshold"
    assert _answers(meeting, labels)[WEAK] == "ann"


def test_a_name_goes_to_the_label_of_which_a_person_said_it(meeting: VoiceStore) -> None:
    labels = {LIKE_ANN: "a", LIKE_ANN_TOO: "b", BOB: "b"}
    meeting.recordings.store_turns("v", [Turn(*span, label) for span, label in labels.items()])
    meeting.labels.pin("v", LIKE_ANN_TOO, "ann")
    found = _answers(meeting, labels)
    assert found == {LIKE_ANN: "other_label", LIKE_ANN_TOO: "ann", BOB: "other_label"}
