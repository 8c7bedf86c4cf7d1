"""Who speaks: every reason, the order of answers, encoders apart, and a slow twin."""

from __future__ import annotations

import numpy as np
import pytest
from pgvoice_testkit.stores.filled import ENCODER, OTHER_ENCODER, X, Y, Z, put, unit
from sqlalchemy import text

from pgvoice.store import UnknownEncoder, UnknownVideo, VoiceStore
from pgvoice.store.statuses import SKIPPED_STATUSES

BETWEEN = unit(1, 1, 0)


def test_nobody_is_enrolled(store: VoiceStore) -> None:
    put(store, "v", {(0, 1): X})
    (answer,) = store.answers.identify("v")
    assert (answer.reason, answer.speaker, answer.nearest) == ("no_profiles", None, None)


def test_matched_with_a_runner_up(store: VoiceStore) -> None:
    put(store, "v", {(0, 1): X, (1, 2): Y, (2, 3): unit(3, 1, 0)})
    store.people.enroll_segments("ann", "v", [(0, 1)], min_speech=1)
    store.people.enroll_segments("bob", "v", [(1, 2)], min_speech=1)
    answer = store.answers.identify("v", [(2, 3)])[0]
    assert (answer.speaker, answer.nearest, answer.runner_up) == ("ann", "ann", "bob")
    assert answer.similarity == pytest.approx(3 / 10**0.5)
    assert answer.runner_up_similarity == pytest.approx(1 / 10**0.5)
    assert answer.margin == pytest.approx(2 / 10**0.5)
    assert (answer.start, answer.end, answer.reason) == (2.0, 3.0, "matched")


def test_below_the_threshold_nobody_is_named_but_the_nearest_is_shown(store: VoiceStore) -> None:
    put(store, "v", {(0, 1): X, (1, 2): Z})
    store.people.enroll_segments("ann", "v", [(0, 1)], min_speech=1)
    answer = store.answers.identify("v", [(1, 2)])[0]
    assert (answer.reason, answer.speaker, answer.nearest) == ("below_threshold", None, "ann")
    assert answer.similarity == pytest.approx(0)
    assert (answer.runner_up, answer.margin) == (None, None)


def test_ambiguous_within_the_margin(store: VoiceStore) -> None:
    put(store, "v", {(0, 1): X, (1, 2): Y, (2, 3): unit(10, 4, 0)})
    store.people.enroll_segments("ann", "v", [(0, 1)], min_speech=1)
    store.people.enroll_segments("bob", "v", [(1, 2)], min_speech=1)
    assert store.answers.identify("v", [(2, 3)])[0].reason == "matched"
    answer = store.answers.identify("v", [(2, 3)], min_margin=0.6)[0]
    assert (answer.reason, answer.speaker, answer.runner_up) == ("ambiguous", None, "bob")


def test_two_people_in_one_segment_are_not_named(store: VoiceStore) -> None:
    """Bob and zoe sound alike, so whoever sounds like zoe sounds a little like bob too."""
    bob = unit(0, 1, 1)
    put(store, "v", {(0, 1): X, (1, 2): bob, (2, 3): Z, (3, 4): unit(2, 1, 1), (4, 5): Z})
    for name, start in (("ann", 0), ("bob", 1), ("zoe", 2)):
        store.people.enroll_segments(name, "v", [(start, start + 1)], force=True)
    mixed, alike = store.answers.identify("v", [(3, 4), (4, 5)])
    assert (mixed.reason, mixed.nearest, mixed.runner_up) == ("ambiguous", "ann", "bob")
    assert (alike.reason, alike.speaker, alike.runner_up) == ("matched", "zoe", "bob")
    assert alike.runner_up_similarity == pytest.approx(0.5**0.5)


def test_equal_people_are_told_apart_the_same_way_every_time(store: VoiceStore) -> None:
    put(store, "v", {(0, 1): X})
    store.people.enroll_segments("zoe", "v", [(0, 1)], min_speech=1)
    store.people.enroll_segments("ann", "v", [(0, 1)], force=True)
    answer = store.answers.identify("v")[0]
    assert (answer.nearest, answer.runner_up, answer.margin) == ("zoe", "ann", 0.0)
    assert [(a.start, a.margin) for a in store.answers.appearances("zoe")] == [(0.0, 0.0)]
    assert store.answers.appearances("ann") == []


def test_the_threshold_can_be_given(store: VoiceStore) -> None:
    put(store, "v", {(0, 1): X, (1, 2): BETWEEN})
    store.people.enroll_segments("ann", "v", [(0, 1)], min_speech=1)
    reasons = [store.answers.identify("v", [(1, 2)], threshold=t)[0].reason for t in (0.7, 0.71)]
    assert reasons == ["matched", "below_threshold"]


@pytest.mark.parametrize("status", SKIPPED_STATUSES)
def test_a_segment_without_a_vector_says_why(store: VoiceStore, status: str) -> None:
    put(store, "v", {(0, 1): X, (1, 2): status})
    store.people.enroll_segments("ann", "v", [(0, 1)], min_speech=1)
    answer = store.answers.identify("v", [(1, 2)])[0]
    assert (answer.reason, answer.nearest, answer.similarity) == (status, None, None)


def test_answers_come_in_the_order_asked_repeats_included(store: VoiceStore) -> None:
    put(store, "v", {(0, 1): X, (1, 2): Y})
    store.people.enroll_segments("ann", "v", [(0, 1)], min_speech=1)
    asked = [(1, 2), (7, 8), (0.04, 0.96), (1, 2)]
    answers = store.answers.identify("v", asked)
    assert [(a.start, a.reason) for a in answers] == [
        (1, "below_threshold"),
        (7, "missing"),
        (0, "matched"),
        (1, "below_threshold"),
    ]


def test_all_segments_come_in_time_order(store: VoiceStore) -> None:
    put(store, "v", {(5, 6): X, (0, 1): "silent", (0, 2): Y})
    assert [(a.start, a.end) for a in store.answers.identify("v")] == [(0, 1), (0, 2), (5, 6)]


def test_an_empty_question_has_an_empty_answer(store: VoiceStore) -> None:
    put(store, "v", {(0, 1): X})
    assert store.answers.identify("v", []) == []


def test_enrolling_relabels_without_touching_audio(store: VoiceStore) -> None:
    put(store, "v", {(0, 1): X, (1, 2): Y})
    store.people.enroll_segments("ann", "v", [(0, 1)], min_speech=1)
    assert [a.speaker for a in store.answers.identify("v")] == ["ann", None]
    store.people.enroll_segments("bob", "v", [(1, 2)], min_speech=1)
    assert [a.speaker for a in store.answers.identify("v")] == ["ann", "bob"]


def test_vectors_of_different_encoders_never_meet(store: VoiceStore) -> None:
    put(store, "v", {(0, 1): X})
    put(store, "v", {(1, 2): X}, OTHER_ENCODER)
    store.people.enroll_segments("ann", "v", [(0, 1)], ENCODER, min_speech=1)
    assert store.answers.identify("v", encoder=ENCODER)[0].speaker == "ann"
    assert store.answers.identify("v", encoder=OTHER_ENCODER)[0].reason == "no_profiles"
    assert store.answers.identify("v", encoder="toy@sha256:0123")[0].speaker == "ann"
    for which in (None, "toy"):
        store.encoders.make_default(ENCODER)
        assert store.answers.identify("v", encoder=which)[0].speaker == "ann"
        store.encoders.make_default(OTHER_ENCODER)
        assert store.answers.identify("v", encoder=which)[0].reason == "no_profiles"


def test_unknown_names_are_errors(store: VoiceStore) -> None:
    put(store, "v", {(0, 1): X})
    with pytest.raises(UnknownVideo, match="'w'"):
        store.answers.identify("w")
    with pytest.raises(UnknownEncoder, match=r"'titanet'.*fill first"):
        store.answers.identify("v", encoder="titanet")


def test_many_answers_equal_a_slow_twin(store: VoiceStore) -> None:
    noise = np.random.default_rng(5)
    people = [unit(*noise.normal(size=3)) for _ in range(7)]
    voices = [unit(*noise.normal(size=3)) for _ in range(60)]
    put(store, "v", {(i, i + 1): voice for i, voice in enumerate(people + voices)})
    for i in range(len(people)):
        store.people.enroll_segments(f"p{i}", "v", [(i, i + 1)], force=True)
    spans = [(i, i + 1) for i in range(7, 67)]
    answers = store.answers.identify("v", spans, threshold=0.5, min_margin=0.1)
    for voice, answer in zip(voices, answers, strict=True):
        similarities = np.array([float(voice @ person) for person in people])
        first, second = np.argsort(-similarities)[:2]
        assert (answer.nearest, answer.runner_up) == (f"p{first}", f"p{second}")
        assert answer.similarity == pytest.approx(similarities[first], abs=1e-6)
        lead = similarities[first] - similarities[second]
        likeness = float(people[first] @ people[second])
        towards = (similarities[second] - similarities[first] * likeness) / similarities[first]
        two_voices = similarities[second] >= 0.5 and towards > 0.45 * (1 - likeness**2) ** 0.5
        matched = similarities[first] >= 0.5 and lead >= 0.1 and not two_voices
        assert (answer.speaker is not None) == matched


def test_psql_calls_the_same_function(store: VoiceStore) -> None:
    put(store, "v", {(0, 1): X, (1, 2): Y})
    store.people.enroll_segments("ann", "v", [(0, 1)], min_speech=1)
    with store.database.engine.connect() as connection:
        rows = connection.execute(
            text("SELECT start_s, speaker, reason FROM pgvoice.identify('v', ARRAY[1.0], ARRAY[2])")
        ).all()
        everything = connection.execute(text("SELECT speaker FROM pgvoice.identify('v')")).all()
    assert rows == [(1.0, None, "below_threshold")]
    assert everything == [("ann",), (None,)]
