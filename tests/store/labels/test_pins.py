"""Pins: what a person says of segments and labels, for every encoder, and taking it back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pgvoice_testkit.stores.filled import ENCODER, OTHER_ENCODER, X, Y, Z, put
from sqlalchemy import text

from pgvoice.store import (
    EncoderIdentity,
    NewName,
    OptedOut,
    SegmentKey,
    Turn,
    UnknownTurnLabel,
    VoiceStore,
)
from pgvoice.store.errors import SpeechErased

Label = tuple[float, str | None, str]
#: Turns of A and B; one of B's lies within one of A's.
TURNS = [Turn(0, 4, "A"), Turn(4, 8, "B"), Turn(8, 16, "A"), Turn(10, 11, "B"), Turn(20, 22)]
SPANS: list[tuple[float, float]] = [(0, 4), (4, 8), (8, 16), (10, 11), (20, 22), (8, 10), (11, 16)]


@pytest.fixture
def talk(store: VoiceStore) -> VoiceStore:
    """Ann and bob are enrolled, `v` sounds like ann and then like bob; it is not labelled."""
    put(store, "w", {(0, 5): X, (5, 10): Y})
    store.people.enroll_segments("ann", "w", [(0, 5)])
    store.people.enroll_segments("bob", "w", [(5, 10)])
    put(store, "v", dict.fromkeys(SPANS, X) | {(4, 8): Y, (10, 11): Y})
    store.recordings.store_turns("v", TURNS)
    return store


def _labels(store: VoiceStore, encoder: EncoderIdentity = ENCODER) -> list[Label]:
    return [(x.start, x.speaker, x.reason) for x in store.labels.current("v", encoder=encoder)]


HEARD: list[Label] = [
    (0, "ann", "matched"),
    (4, "bob", "matched"),
    (8, "ann", "matched"),
    (10, None, "overlapped"),
    (20, "ann", "matched"),
]


def test_a_whole_label_is_pinned_filled_or_not(talk: VoiceStore) -> None:
    talk.recordings.store_turns("v", [*TURNS, Turn(30, 34, "A")])
    talk.labels.label(clusters=False)
    assert _labels(talk) == HEARD
    run = talk.labels.pin_label("v", "A", "bob")
    pinned: list[Label] = [(0, "bob", "pinned"), HEARD[1], (8, "bob", "pinned"), *HEARD[3:]]
    assert _labels(talk) == pinned
    assert talk.answers.identify("v", [(30, 34), (10, 11)])[0].speaker == "bob"
    put(talk, "v", {(30, 34): X})
    assert talk.labels.label(clusters=False).changed == 1
    assert _labels(talk) == [*pinned, (30, "bob", "pinned")]
    assert [place.start for place in talk.answers.appearances("bob", order="time")][:4] == [
        *(0, 4, 8, 30),
    ]
    assert run is not None
    talk.labels.revert(run)
    assert _labels(talk) == HEARD, "that which a label run pinned goes too"
    assert talk.labels.words("v") == []
    with pytest.raises(UnknownTurnLabel, match="'C'"):
        talk.labels.pin_label("v", "C", "bob")


def test_a_turn_within_a_turn_has_words_of_its_own(talk: VoiceStore) -> None:
    talk.labels.label(clusters=False)
    talk.labels.pin_label("v", "B", "zoe", new=True)
    assert [name for _, name, _ in _labels(talk)] == ["ann", "zoe", "ann", "zoe", "ann"]
    talk.labels.pin("v", (7.9, 16.1), "bob")
    assert [name for _, name, _ in _labels(talk)] == ["ann", "zoe", "bob", "zoe", "ann"]
    talk.labels.pin_segments("v", [x.key for x in talk.labels.current("v")], "bob")
    assert {name for _, name, _ in _labels(talk)} == {"bob"}
    assert talk.labels.unpin_label("v", "B") == 2
    assert _labels(talk) == [
        *[(0, "bob", "pinned"), HEARD[1], (8, "bob", "pinned"), HEARD[3], (20, "bob", "pinned")]
    ]


def test_a_pin_holds_for_every_encoder(talk: VoiceStore) -> None:
    put(talk, "v", {(0, 4): Z, (4, 8): Z}, OTHER_ENCODER)
    for encoder in (ENCODER, OTHER_ENCODER):
        talk.labels.label(["v"], encoder=encoder, clusters=False)
    before = [_labels(talk), _labels(talk, OTHER_ENCODER)]
    run = talk.labels.pin("v", (0, 4), "bob", encoder=ENCODER)
    assert run is not None
    assert [_labels(talk)[0], _labels(talk, OTHER_ENCODER)[0]] == [(0, "bob", "pinned")] * 2
    talk.labels.revert(run)
    assert [_labels(talk), _labels(talk, OTHER_ENCODER)] == before
    talk.labels.pin("v", (0, 4), "bob", encoder=OTHER_ENCODER)
    third = EncoderIdentity("toy", "sha256:3333", "1", 3, 16_000)
    put(talk, "v", {(0, 4): Y, (4, 8): Y}, third)
    talk.labels.label(["v"], encoder=third)
    assert _labels(talk, third) == [(0, "bob", "pinned"), (4, None, "no_profiles")]
    talk.labels.unpin("v", (0, 4), encoder=third)
    assert [_labels(talk), _labels(talk, OTHER_ENCODER)] == before
    assert _labels(talk, third) == [(4, None, "no_profiles")]


def test_who_does_not_speak(talk: VoiceStore) -> None:
    assert talk.labels.pin("v", (0, 4), "ann", holds=False) is None, "nothing is labelled yet"
    talk.labels.label(clusters=False)
    assert _labels(talk)[0] == (0, None, "below_threshold")
    talk.labels.unpin("v", (0, 4))
    assert talk.labels.relabel(clusters=False).changed == 1
    assert _labels(talk) == HEARD
    run = talk.labels.pin_label("v", "A", "ann", holds=False)
    assert [name for _, name, _ in _labels(talk)] == [None, "bob", None, None, "ann"]
    assert talk.labels.relabel(clusters=False).changed == 0
    assert [place.start for place in talk.answers.appearances("ann") if place.video == "v"] == [20]
    assert run is not None
    talk.labels.revert(run)
    assert _labels(talk) == HEARD


def test_the_newest_word_counts(talk: VoiceStore) -> None:
    talk.labels.label(clusters=False)
    talk.labels.pin("v", (0, 4), "bob")
    talk.labels.pin("v", (0, 4), "bob", holds=False)
    assert _labels(talk)[0] == HEARD[0]
    talk.labels.pin("v", (0, 4), None)
    talk.labels.pin("v", (0, 4), "bob")
    assert _labels(talk)[0] == (0, "bob", "pinned")
    assert [str(word) for word in talk.labels.words("v")] == [
        *("is bob", "is not bob", "is nobody known", "is bob"),
    ]
    assert talk.labels.unpin("v", (0, 4)) == 1
    assert _labels(talk) == HEARD
    assert talk.labels.words("v") == []


def test_people_who_are_not_enrolled(talk: VoiceStore) -> None:
    with pytest.raises(NewName, match=r"'An' is new: .* Did you mean ann\?"):
        talk.labels.pin("v", (0, 4), "An")
    assert [each.speaker for each in talk.people.speakers()] == ["ann", "bob"]
    talk.labels.pin("v", (0, 4), "zoe", new=True)
    talk.labels.pin("v", (20, 22), "zoe")
    (zoe,) = (each for each in talk.people.speakers() if each.speaker == "zoe")
    assert (zoe.exemplars, zoe.encoder) == (0, None)
    places = talk.answers.appearances("zoe", order="time")
    assert [(p.start, p.similarity, p.runner_up) for p in places] == [
        *[(0, None, "ann"), (20, None, "ann")]
    ]
    talk.privacy.erase_speaker("zoe", with_segments=False, opt_out=True)
    assert talk.labels.words("v") == []
    assert _labels(talk) == []
    with pytest.raises(OptedOut):
        talk.labels.pin("v", (0, 4), "zoe", new=True)
    talk.labels.label(clusters=False)
    assert _labels(talk) == HEARD


def test_words_of_erased_speech_and_recordings_go(talk: VoiceStore) -> None:
    talk.labels.pin_label("v", "A", "ann")
    talk.privacy.erase_speaker("ann", with_segments=True)
    with pytest.raises(SpeechErased):
        talk.labels.pin("v", (0, 4), "bob")
    talk.labels.pin("v", (4, 8), "bob")
    talk.privacy.erase_video("v")
    with talk.database.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM pgvoice.verdict")) == 0


def test_a_merge_takes_words_along(talk: VoiceStore) -> None:
    talk.labels.pin("v", (0, 4), "bob")
    talk.labels.pin("v", (20, 22), "bob", holds=False)
    talk.people.merge("bob", "ann", force=True)
    assert [str(word) for word in talk.labels.words("v")] == ["is ann", "is not ann"]
    assert [answer.speaker for answer in talk.answers.identify("v", [(0, 4), (20, 22)])] == [
        *("ann", None)
    ]


def test_who_said_it_and_when(talk: VoiceStore) -> None:
    talk.labels.pin_segments(
        "v", [SegmentKey(0, 4000), SegmentKey(4000, 8000), SegmentKey(8000, 16_000)], "bob"
    )
    (word,) = talk.labels.words("v")
    assert [(span.start_s, span.end_s) for span in word.spans] == [(0, 16)]
    assert (word.seconds, word.holds, word.speaker, word.unknown_voice) == (16, True, "bob", None)
    with talk.database.engine.connect() as connection:
        user, now = connection.execute(text("SELECT session_user, now()")).one()
        kinds = connection.scalars(text("SELECT kind FROM pgvoice.act ORDER BY id")).all()
    assert word.author == user
    assert 0 <= (now - word.said_at).total_seconds() < 60
    assert word.act is not None
    assert kinds[-1] == "pin"


def _state(store: VoiceStore) -> list[object]:
    """The labels with every encoder, the words, and the people."""
    words = [(word.spans, str(word)) for word in store.labels.words("v")]
    every = (each.identity for each in store.encoders.list())
    labels = [store.labels.current("v", encoder=each) for each in every]
    return [*labels, words, store.people.speakers()]


def test_pins_and_their_withdrawal_are_acts_that_can_be_undone(talk: VoiceStore) -> None:
    put(talk, "v", {(0, 4): Z, (4, 8): Z}, OTHER_ENCODER)
    for encoder in (ENCODER, OTHER_ENCODER):
        talk.labels.label(["v"], encoder=encoder, clusters=False)
    acts: list[Callable[[], object]] = [
        lambda: talk.labels.pin_label("v", "A", "zoe", new=True),
        lambda: talk.labels.pin("v", (4, 8), "bob", holds=False, encoder=ENCODER),
        lambda: talk.labels.pin("v", (0, 4), "ann", encoder=ENCODER),
        lambda: talk.labels.unpin("v", (0, 4), encoder=ENCODER),
        lambda: talk.labels.unpin_label("v", "B"),
        lambda: talk.labels.pin("v", (8, 16), "zoe", holds=False, encoder=ENCODER),
        lambda: talk.labels.revert(
            max(run.id for run in talk.labels.runs() if not run.reverted_at)
        ),
    ]
    states = [_state(talk)]
    for act in acts:
        act()
        assert _state(talk) != states[-1]
        states.append(_state(talk))
    for before in reversed(states[:-1]):
        talk.acts.undo()
        assert _state(talk) == before
    assert [check for check in talk.upkeep.verify(sample=10) if check.problems] == []
