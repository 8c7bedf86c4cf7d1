"""Refusals of exemplars, the quality of profiles, and outliers that are excluded and restored."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from pgvoice_testkit.stores.enrolled import MINUS_X, NEAR_X, enroll, exemplars, near, profile
from pgvoice_testkit.stores.filled import ENCODER, THRESHOLD, X, Y, put, unit
from sqlalchemy import Connection, text

from pgvoice.store import (
    CancellingExemplars,
    EnrollmentRefused,
    IncoherentExemplars,
    OverlappedSpeech,
    SharedExemplars,
    SoundsLikeAnother,
    TooLittleSpeech,
    Turn,
    UnknownSpeaker,
    VoiceStore,
)
from pgvoice.store.recordings.segment_rows import Embedding


def _trail(store: VoiceStore) -> list[str]:
    with store.database.engine.connect() as connection:
        rows = connection.execute(text("SELECT action FROM pgvoice.audit_event ORDER BY id"))
        return [str(action) for (action,) in rows]


# Refusals


def test_exemplars_of_two_people_are_refused_by_name_and_value(store: VoiceStore) -> None:
    with pytest.raises(
        IncoherentExemplars,
        match=r"'ann'.*ann.wav 1 to 2 s and the others have a similarity of 0.000.*0.500",
    ):
        enroll(store, "ann", X, Y)
    assert store.people.speakers() == []
    assert enroll(store, "ann", X, Y, force=True).exemplars == 2


def test_one_wrong_exemplar_among_many_is_named(store: VoiceStore) -> None:
    with pytest.raises(IncoherentExemplars, match=r"one person: ann.wav 4 to 5 s and the others"):
        enroll(store, "ann", *near(X, 4), Y, *near(X, 3))


def test_it_is_told_whom_an_exemplar_sounds_like(store: VoiceStore) -> None:
    put(store, "v", {(0, 2): X, (2, 5): Y})
    store.recordings.store_turns("v", [Turn(0, 2, "S0"), Turn(2, 5, "S1")])
    with pytest.raises(IncoherentExemplars, match=r"of 0.500, and sounds like S0 of 'v'; leave"):
        store.people.enroll_segments("ann", "v", [(0, 2), (2, 5)])
    enroll(store, "bob", Y)
    with pytest.raises(IncoherentExemplars, match=r"of 0.500, and sounds like bob; leave"):
        enroll(store, "ann", X, X, Y)


def test_two_people_half_and_half_are_refused(store: VoiceStore) -> None:
    with pytest.raises(IncoherentExemplars, match="and 2 more"):
        enroll(store, "ann", *near(X, 5), *near(Y, 5))


def test_a_later_exemplar_of_somebody_else_is_refused(store: VoiceStore) -> None:
    enroll(store, "ann", *near(X, 5))
    before = profile(store, "ann")
    with pytest.raises(IncoherentExemplars, match=r"other.wav 0 to 1 s and the others"):
        store.people.enroll(
            "ann", exemplars([Y], audio="other.wav"), ENCODER, THRESHOLD, min_speech=1
        )
    assert profile(store, "ann") == before


def test_the_same_exemplars_again_are_judged_no_more(store: VoiceStore) -> None:
    enroll(store, "ann", X, Y, force=True)
    assert enroll(store, "ann", X, Y).known == 2


def test_who_sounds_like_somebody_enrolled_is_refused(store: VoiceStore) -> None:
    enroll(store, "ann", X)
    enroll(store, "bob", Y)
    with pytest.raises(SoundsLikeAnother, match=r"\('ann' 0.994; different people stay below 0.62"):
        enroll(store, "anna", NEAR_X)
    assert [person.speaker for person in store.people.speakers()] == ["ann", "bob"]
    assert enroll(store, "anna", NEAR_X, force=True).added == 1


def test_the_same_audio_under_two_names_is_refused(store: VoiceStore) -> None:
    put(store, "v", {(0, 2): X, (0.5, 2.5): X, (1.5, 3): Y})
    store.people.enroll_segments("ann", "v", [(0, 2)])
    for span, shown in (((0, 2), "v 0 to 2 s"), ((0.5, 2.5), "v 0.5 to 2.5 s")):
        with pytest.raises(SharedExemplars, match=f"'ann' is enrolled with .*'bob': {shown}"):
            store.people.enroll_segments("bob", "v", [span], min_speech=1)
    # A third of it is crosstalk, or the end of a turn.
    assert store.people.enroll_segments("bob", "v", [(1.5, 3)], min_speech=1).added == 1
    assert store.people.enroll_segments("eve", "v", [(0, 2)], force=True).added == 1


@pytest.mark.parametrize("spans", [[(0, 1.9)], [(0, 1), (0.5, 1.5)]])
def test_segments_need_as_much_speech_as_files(
    store: VoiceStore, spans: list[tuple[float, float]]
) -> None:
    put(store, "v", dict.fromkeys([*spans, (5, 6.1)], X))
    with pytest.raises(TooLittleSpeech, match=r"'ann': 1\.[59] s; 2 s are needed"):
        store.people.enroll_segments("ann", "v", spans)
    assert store.people.speakers() == []
    store.people.enroll_segments("ann", "v", spans, force=True)
    # What somebody is enrolled with counts.
    assert store.people.enroll_segments("ann", "v", [(5, 6.1)]).added == 1
    lower = store.people.enroll_segments("bob", "v", [(5, 6.1)], min_speech=1, force=True)
    assert (lower.added, _trail(store).count("skip checks")) == (1, 2)


def test_the_least_speech_can_be_lowered(store: VoiceStore) -> None:
    put(store, "v", {(0, 1.5): X})
    assert store.people.enroll_segments("ann", "v", [(0, 1.5)], min_speech=1.5).added == 1
    assert _trail(store) == ["enroll"]


#: A and B in turn; A's third turn has a part of B's voice, B speaks in A's fifth.
TURNS = [
    *(Turn(10 * i, 10 * i + 4, "A") for i in range(5)),
    *(Turn(10 * i + 5, 10 * i + 8, "B") for i in range(3)),
    Turn(43, 46, "B"),
]


@pytest.fixture
def two_labels(store: VoiceStore) -> VoiceStore:
    rows: dict[tuple[float, float], Embedding | str] = {}
    for place, voice in enumerate(near(X, 5, 0.05)):
        rows[10 * place, 10 * place + 4] = voice
    for place in range(3):
        rows[10 * place + 5, 10 * place + 8] = Y
    put(store, "v", rows | {(20, 24): unit(4, 2, 1), (43, 46): Y})
    store.recordings.store_turns("v", TURNS)
    return store


def test_segments_that_others_share_are_refused(two_labels: VoiceStore) -> None:
    with pytest.raises(OverlappedSpeech, match=r"of 'v', somebody .*\(B in 1 s of 40 to 44 s\)"):
        two_labels.people.enroll_segments("ann", "v", [(0, 4), (40, 44)])
    with pytest.raises(IncoherentExemplars, match=r"partly like .*\(20 to 24 s like B\)"):
        two_labels.people.enroll_segments("ann", "v", [(0, 4), (20, 24)])
    assert two_labels.people.speakers() == []
    every = [(0, 4), (20, 24), (40, 44)]
    assert two_labels.people.enroll_segments("ann", "v", every, force=True).added == 3
    assert _trail(two_labels) == ["enroll", "skip checks"]


def test_of_a_label_only_speech_of_its_own_is_taken(two_labels: VoiceStore) -> None:
    (chosen,) = two_labels.people.enroll_segments("ann", "v", labels=["A"]).chosen
    assert [key.start_s for key in chosen.segments] == [0, 10, 30]
    store = two_labels
    put(store, "w", {(0, 4): X, (3, 6): Y})
    store.recordings.store_turns("w", [Turn(0, 4, "A"), Turn(3, 6, "B")])
    with pytest.raises(OverlappedSpeech, match="B in 1 s of 0 to 4 s"):
        store.people.enroll_segments("eve", "w", labels=["A"])
    assert store.people.enroll_segments("eve", "w", labels=["A"], force=True).added == 1


def test_exemplars_that_cancel_each_other_out(store: VoiceStore) -> None:
    with pytest.raises(IncoherentExemplars, match=r"-1\.000"):
        enroll(store, "ann", X, MINUS_X)
    with pytest.raises(CancellingExemplars, match="their mean is zero"):
        enroll(store, "ann", X, MINUS_X, force=True)
    enroll(store, "ann", X)
    enroll(store, "bob", MINUS_X)
    with pytest.raises(CancellingExemplars):
        store.people.merge("bob", "ann", force=True)
    assert {person.speaker for person in store.people.speakers()} == {"ann", "bob"}


def test_every_refusal_is_one_kind(store: VoiceStore) -> None:
    for vectors in ((X, Y), (X, MINUS_X)):
        with pytest.raises(EnrollmentRefused, match="leave out the exemplars of other people"):
            enroll(store, "ann", *vectors)


# The quality of profiles


def test_leave_one_out_is_as_by_hand(store: VoiceStore) -> None:
    vectors = near(X, 6, 0.3)
    enroll(store, "ann", *vectors)
    told = {e.start: e for e in store.people.exemplars("ann")}
    for place, vector in enumerate(vectors):
        others = np.sum([v for i, v in enumerate(vectors) if i != place], axis=0)
        by_hand = float(vector @ others / np.linalg.norm(others))
        assert told[place].left_out_similarity == pytest.approx(by_hand, abs=1e-6)
        assert (told[place].similarity or 0) > by_hand


def test_windows_that_overlap_are_not_each_others_evidence(store: VoiceStore) -> None:
    vectors = [X, X, unit(4, 1, 0), unit(4, 1, 0)]
    enroll(store, "ann", *vectors, step=500)
    first = min(store.people.exemplars("ann"), key=lambda e: e.start)
    assert first.left_out_similarity == pytest.approx(float(X @ vectors[2]), abs=1e-6)


def test_a_single_exemplar_has_no_others(store: VoiceStore) -> None:
    enroll(store, "ann", X)
    (exemplar,) = store.people.exemplars("ann")
    assert (exemplar.similarity, exemplar.left_out_similarity) == (1, None)
    assert not exemplar.outlying
    (quality,) = store.people.quality("ann")
    assert (quality.left_out_similarity, quality.nearest_other) == (None, None)


def test_the_quality_of_profiles(store: VoiceStore) -> None:
    enroll(store, "ann", X, NEAR_X, step=500)
    enroll(store, "bob", Y)
    enroll(store, "cyd", unit(0, 3, -4))
    ann, bob, _ = store.people.quality()
    # Two windows of a second, half a second apart.
    assert (ann.speaker, ann.exemplars, ann.excluded, ann.seconds) == ("ann", 2, 0, 1.5)
    assert (ann.left_out_similarity, ann.nearest_other) == (None, "bob")
    assert bob.nearest_other == "cyd"
    assert bob.nearest_similarity == pytest.approx(0.6)
    assert [p.speaker for p in store.people.quality("bob", encoder="toy")] == ["bob"]
    with pytest.raises(UnknownSpeaker):
        store.people.quality("dan")


# Outliers


@pytest.fixture
def mixed(store: VoiceStore) -> VoiceStore:
    """Ann with a forced exemplar of somebody else at 3 s, and labels."""
    enroll(store, "ann", *near(X, 3, 0.02), Y, *near(X, 4, 0.02), force=True)
    put(store, "v", {(0, 1): X, (1, 2): Y, (2, 3): unit(0.45, 0.9, 0)})
    return store


def test_outliers_are_shown_and_only_told_in_a_dry_run(mixed: VoiceStore) -> None:
    before = profile(mixed, "ann")
    (told,) = mixed.people.drop_outliers("ann", dry_run=True)
    assert (told.start, told.similarity < told.needed) == (3, True)
    assert [e.start for e in mixed.people.exemplars("ann") if e.outlying] == [3]
    assert mixed.people.quality("ann")[0].outlying == 1
    assert (profile(mixed, "ann"), _trail(mixed)) == (before, ["enroll", "skip checks"])


def test_outliers_are_kept_marked_and_no_part_of_the_profile(mixed: VoiceStore) -> None:
    expected = mixed.people.drop_outliers("ann", dry_run=True)
    assert mixed.people.drop_outliers("ann") == expected
    assert mixed.people.drop_outliers("ann") == []
    (excluded,) = [e for e in mixed.people.exemplars("ann") if e.excluded]
    assert (excluded.start, excluded.outlying) == (3, False)
    assert (excluded.left_out_similarity or 0) < 0.3
    (quality,) = mixed.people.quality("ann")
    assert (quality.exemplars, quality.excluded, quality.outlying) == (7, 1, 0)
    assert profile(mixed, "ann")[1] == 7
    assert _trail(mixed) == ["enroll", "skip checks", "drop outliers"]


def test_restoring_brings_the_profile_back(mixed: VoiceStore) -> None:
    before = profile(mixed, "ann")[0]
    mixed.people.drop_outliers("ann")
    assert profile(mixed, "ann")[0] != before
    assert (mixed.people.restore_exemplars("ann"), mixed.people.restore_exemplars("ann")) == (1, 0)
    assert profile(mixed, "ann")[0] == before
    assert _trail(mixed) == [
        "enroll",
        "skip checks",
        "drop outliers",
        "restore exemplars",
    ]


def test_kept_labels_learn_of_it(mixed: VoiceStore) -> None:
    mixed.labels.label()
    mixed.people.drop_outliers("ann")
    (move,) = mixed.labels.relabel().moves
    assert (move.from_speaker, move.to_speaker, move.to_reason) == ("ann", None, "below_threshold")
    mixed.people.restore_exemplars("ann")
    assert mixed.labels.relabel().changed == 1
    assert [label.speaker for label in mixed.labels.current("v")] == ["ann", None, "ann"]


def test_never_the_majority(store: VoiceStore) -> None:
    vectors = [*near(X, 3, 0.02), *near(Y, 2, 0.02), unit(0, 0, 1), unit(0, -1, 0)]
    enroll(store, "ann", *vectors, force=True)
    for _ in range(3):
        store.people.drop_outliers("ann")
    (quality,) = store.people.quality("ann")
    assert (quality.exemplars, quality.excluded) == (4, 3)


@pytest.mark.parametrize("number", [1, 2])
def test_of_two_nobody_can_say_which(store: VoiceStore, number: int) -> None:
    enroll(store, "ann", *(X, Y)[:number], force=True)
    assert store.people.drop_outliers("ann") == []


def test_good_exemplars_stay(store: VoiceStore) -> None:
    enroll(store, "ann", *near(X, 20))
    assert store.people.drop_outliers("ann") == []


def test_unknown_speakers_have_no_outliers(store: VoiceStore) -> None:
    put(store, "v", {(0, 1): X})
    for ask in (store.people.drop_outliers, store.people.restore_exemplars):
        with pytest.raises(UnknownSpeaker):
            ask("eve")


def test_in_sql_an_unknown_speaker_is_an_error(connection: Connection) -> None:
    with pytest.raises(Exception, match="no speaker 'eve'"):
        connection.execute(text("SELECT pgvoice.drop_outliers('eve', 1)"))


# Profiles and labels


def _label(store: VoiceStore) -> None:
    store.labels.label()


def _pin(store: VoiceStore) -> None:
    store.labels.label()
    store.labels.pin("v", (2, 3), "ann")
    store.labels.relabel()


def _fill(store: VoiceStore) -> None:
    put(store, "w", {(0, 1): NEAR_X, (1, 2): unit(9, 0, 1)})
    store.labels.label()


def _ask(store: VoiceStore) -> None:
    store.answers.identify("v")
    store.answers.identify_clusters("v", [(0, 1), (2, 3)], ["S0", "S0"])
    store.answers.appearances("ann")
    store.answers.similar("v", (0, 1))


def _go_back(store: VoiceStore) -> None:
    run = store.labels.label().run
    assert run is not None
    store.labels.revert(run)
    store.labels.relabel()


@pytest.mark.parametrize("act", [_ask, _label, _go_back, _pin, _fill])
def test_no_profile_ever_updates_itself(
    mixed: VoiceStore, act: Callable[[VoiceStore], None]
) -> None:
    """Kept labels do not change a profile either; only enrolling does."""
    before = profile(mixed, "ann")
    act(mixed)
    assert profile(mixed, "ann") == before
    assert [e.source for e in mixed.people.exemplars("ann")] == ["ann.wav"] * 8
