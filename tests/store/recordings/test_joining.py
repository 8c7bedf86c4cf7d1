"""Labels that hold only while somebody speaks on, joined to one for each person."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import pytest
from pgvoice_testkit.stores.filled import ENCODER, OTHER_ENCODER, X, Y, Z, put, unit
from pgvoice_testkit.stores.voices import ENCODER as VOICES
from pgvoice_testkit.stores.voices import PEOPLE, write

from pgvoice.store import SegmentKey, Turn, VoiceStore
from pgvoice.store.errors import UnknownVideo
from pgvoice.store.recordings.segment_rows import Embedding

#: By .3 and .55; the encoder's threshold is .5.
SOMEWHAT_LIKE_X, LIKE_X = unit(0.3, 0, 0.954), unit(0.55, 0.835, 0)


def _joined(store: VoiceStore, turns: Sequence[Turn]) -> list[str | None]:
    return store.recordings.join_labels("v", ENCODER, turns)


def _turns(*spoken: tuple[float, float, str]) -> list[Turn]:
    return [Turn(*each) for each in spoken]


def _at(degrees: float) -> Embedding:
    return unit(math.cos(math.radians(degrees)), math.sin(math.radians(degrees)), 0)


def _numbers(*numbers: int) -> list[str]:
    return [f"SPEAKER_{number:02}" for number in numbers]


def test_labels_with_similar_voices_are_one_person(store: VoiceStore) -> None:
    put(store, "v", {(0, 2): X, (2, 4): Y, (4, 6): unit(1, 0.1, 0), (6, 8): unit(0.1, 1, 0)})
    turns = _turns((0, 2, "a"), (2, 4, "b"), (4, 6, "c"), (6, 8, "d"))
    assert _joined(store, turns) == _numbers(0, 1, 0, 1)


def test_the_first_who_speaks_is_the_first(store: VoiceStore) -> None:
    put(store, "v", {(10, 19): X, (2, 4): Y, (4, 6): Z})
    turns = _turns((10, 19, "a"), (2, 4, "b"), (4, 6, "c"))
    assert _joined(store, turns) == _numbers(2, 0, 1)


def test_who_speaks_at_the_same_time_is_not_one_person(store: VoiceStore) -> None:
    """Nor are two who are each like a third, and speak at the same time."""
    near = unit(1, 0.1, 0)
    put(store, "v", {(0, 2): X, (3, 5): near, (6, 9): X})
    turns = _turns((0, 3, "a"), (2, 5, "b"), (6, 9, "c"))
    assert _joined(store, turns) == _numbers(0, 1, 0)


def test_equally_similar_labels_are_always_joined_alike(store: VoiceStore) -> None:
    put(store, "v", {(0, 2): X, (3, 5): X, (6, 8): X, (9, 11): X})
    turns = _turns((0, 3, "a"), (2, 5, "b"), (6, 9, "c"), (8, 11, "d"))
    joined = _joined(store, turns)
    assert joined in (_numbers(0, 1, 0, 1), _numbers(0, 1, 1, 0))
    for order in ([1, 0, 2, 3], [3, 2, 1, 0], [2, 3, 0, 1]):
        assert _joined(store, [turns[i] for i in order]) == [joined[i] for i in order]


@pytest.mark.parametrize(
    ("turn", "label"),
    [
        # Too short for a vector: the turn that is nearest in time.
        ((5.1, 5.4), 1),
        ((2.1, 2.4), 0),
        # Overlapped all the time: the nearest that does not overlap it.
        ((0.6, 1.5), 1),
        # Its segment has no vector.
        ((5.5, 7), 1),
    ],
)
def test_a_label_without_a_voice_is_that_of_the_nearest_turn(
    store: VoiceStore, turn: tuple[float, float], label: int
) -> None:
    put(store, "v", {(0, 2.1): X, (0, 0.6): X, (1.5, 2.1): X, (3, 5): Y, (5.5, 7): "silent"})
    turns = _turns((0, 2.1, "a"), (3, 5, "b"), (*turn, "short"))
    assert _joined(store, turns)[2] == _numbers(label)[0]


def test_a_label_without_a_voice_stays_if_everybody_overlaps_it(store: VoiceStore) -> None:
    put(store, "v", {(0, 1): X, (6, 7): X})
    turns = _turns((0, 3, "a"), (3, 7, "b"), (1, 6, "c"))
    assert _joined(store, turns) == _numbers(0, 0, 1)


def test_one_person_has_one_label(store: VoiceStore) -> None:
    """Also if nothing said is long enough to start a group elsewhere."""
    for seconds in (1, 3):
        spans = [(4.0 * at, 4.0 * at + seconds) for at in range(12)]
        put(store, f"{seconds}", {span: unit(1, 0.05 * at, 0) for at, span in enumerate(spans)})
        turns = [Turn(*span, f"{span}") for span in spans]
        assert set(store.recordings.join_labels(f"{seconds}", ENCODER, turns)) == {"SPEAKER_00"}


def test_a_short_turn_is_that_of_the_most_similar_voice(store: VoiceStore) -> None:
    """However little it is like it, unless the two overlap."""
    like_b = unit(0, 0.3, 1)
    put(store, "v", {(0, 2): X, (2, 5): Y, (6, 7): like_b, (2, 4.9): Y, (5.5, 6.1): like_b})
    turns = _turns((0, 2, "a"), (2, 5, "b"), (6, 7, "c"))
    assert _joined(store, turns) == _numbers(0, 1, 1)
    overlapping = _turns((0, 2, "a"), (2, 5.5, "b"), (4.9, 6.1, "c"))
    assert _joined(store, overlapping) == _numbers(0, 1, 0)


@pytest.mark.parametrize(
    ("seconds", "voice", "label"),
    [
        # Too little speech for a person.
        (0.7, Z, 0),
        # Enough if it is like nobody, or if there is more of it.
        (0.9, Z, 2),
        (0.9, SOMEWHAT_LIKE_X, 0),
        (2.0, SOMEWHAT_LIKE_X, 2),
    ],
)
def test_a_little_speech_is_a_person_if_it_is_like_nobody(
    store: VoiceStore, seconds: float, voice: Embedding, label: int
) -> None:
    put(store, "v", {(0, 8): X, (9, 15): Y, (16, 16 + seconds): voice})
    turns = _turns((0, 8, "a"), (9, 15, "b"), (16, 16 + seconds, "c"))
    assert _joined(store, turns) == _numbers(0, 1, label)


@pytest.mark.parametrize(
    ("voices", "labels"),
    [
        # Similar by .55: one person where another is not similar at all, and two where all are.
        ((X, LIKE_X, Z), (0, 0, 1)),
        ((X, LIKE_X, unit(0.2, 0.108, 0.974)), (0, 1, 2)),
        # All are similar by .58: one person speaks.
        ((unit(1, 0.3, 0.3), unit(0.3, 1, 0.3), unit(0.3, 0.3, 1)), (0, 0, 0)),
    ],
)
def test_how_similar_one_person_is_depends_on_the_recording(
    store: VoiceStore, voices: Sequence[Embedding], labels: Sequence[int]
) -> None:
    put(store, "v", {(3 * at, 3 * at + 2): voice for at, voice in enumerate(voices)})
    turns = [Turn(3 * at, 3 * at + 2, f"{at}") for at in range(len(voices))]
    assert _joined(store, turns) == _numbers(*labels)


@pytest.mark.parametrize(("degrees", "labels"), [(0, (0, 0, 1, 1)), (220, (0, 1, 1, 1))])
def test_a_label_goes_to_the_voice_that_it_is_most_like(
    store: VoiceStore, degrees: float, labels: Sequence[int]
) -> None:
    """Though the one that it was joined with first was joined with another later."""
    spans = {(0, 6): degrees, (7, 8.2): 40, (10, 16): 70, (20, 26): 120}
    put(store, "v", {span: _at(each) for span, each in spans.items()})
    turns = [Turn(*span, f"{span}") for span in spans]
    assert _joined(store, turns) == _numbers(*labels)


@pytest.mark.parametrize("overlapping", [[(6, 7)], [(4, 5.6)], [(6, 8), (9, 10)]])
def test_a_label_without_a_voice_is_no_further_person(
    store: VoiceStore, overlapping: Sequence[tuple[float, float]]
) -> None:
    """However much there is of it, and however far away the other people speak."""
    cuts = [3.0, *(time for span in overlapping for time in span), 12.0]
    put(store, "v", {(0, 2): X} | dict.fromkeys(zip(cuts[::2], cuts[1::2], strict=True), Y))
    turns = _turns((0, 2, "a"), (3, 12, "b"), *((*span, f"{span}") for span in overlapping))
    assert _joined(store, turns) == _numbers(0, 1, *(0 for _ in overlapping))


def test_clean_parts_stay_what_they_are(store: VoiceStore) -> None:
    """Whoever is joined: here everybody, as long as they do not overlap."""
    rng, at, turns = random.Random(3), 0.0, list[Turn]()
    for number in range(80):
        length = rng.choice((0.4, 1.1, 2.5, 6.0))
        turns.append(Turn(round(at, 1), round(at + length, 1), f"{number}"))
        at += length * rng.choice((0.5, 0.9, 1.2))
    keys = [SegmentKey(round(t.start * 1000), round(t.end * 1000)) for t in turns]

    def needed(labels: Sequence[str | None]) -> list[SegmentKey]:
        return sorted(store.recordings.missing("v", OTHER_ENCODER, keys, labels))

    before = needed([turn.label for turn in turns])
    put(store, "v", {(key.start_ms / 1000, key.end_ms / 1000): X for key in before})
    joined = _joined(store, turns)
    assert 2 <= len(set(joined)) < 10
    assert needed(joined) == before


def test_nothing_is_joined_without_any_voice(store: VoiceStore) -> None:
    put(store, "v", {(0, 1): "silent", (2, 3): "silent"})
    assert _joined(store, _turns((0, 1, "a"), (2, 3, "b"))) == _numbers(0, 1)
    assert _joined(store, []) == []
    assert _joined(store, [Turn(0, 1), Turn(2, 3, "b")]) == [None, "SPEAKER_00"]


def test_erased_speech_has_no_label(store: VoiceStore) -> None:
    put(store, "v", {(0, 2): X, (2, 4): Y, (4, 6): X})
    store.people.enroll_segments("Ann", "v", [(2, 4)])
    store.privacy.erase_speaker("Ann", with_segments=True)
    turns = _turns((0, 2, "a"), (2, 4, "b"), (4, 6, "c"))
    assert _joined(store, turns) == ["SPEAKER_00", None, "SPEAKER_00"]


def test_an_unknown_recording(store: VoiceStore) -> None:
    with pytest.raises(UnknownVideo):
        _joined(store, [Turn(0, 1, "a")])


def test_more_labels_than_are_compared_at_once(store: VoiceStore) -> None:
    """Each of some hundred turns has a label of its own, in any order."""
    spoken = [t for t in write(store, "v", PEOPLE[:5], each=90) if t.end - t.start > 2]
    turns = [Turn(turn.start, turn.end, f"{place}") for place, turn in enumerate(spoken)]
    joined = store.recordings.join_labels("v", VOICES, turns)
    pairs = set(zip(joined, (turn.label for turn in spoken), strict=True))
    assert sorted(pairs) == [(f"SPEAKER_0{place}", PEOPLE[place]) for place in range(5)]
    order = random.Random(1).sample(range(len(turns)), len(turns))
    names = random.Random(2).sample(range(len(turns)), len(turns))
    mixed = [Turn(turns[i].start, turns[i].end, f"{names[i]}") for i in order]
    assert store.recordings.join_labels("v", VOICES, mixed) == [joined[i] for i in order]
