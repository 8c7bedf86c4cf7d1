"""What a person said of a segment holds for the labels of each encoder, until it is taken back."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from pgvoice_testkit.stores.second_encoder import OTHERS, enroll_both, fill_again
from pgvoice_testkit.stores.unknown_voices import RECORDINGS
from pgvoice_testkit.stores.voices import PEOPLE

from pgvoice.store import VoiceStore

BOTH = ("voices", "others")
LABEL = "SPEAKER_00"
#: Two ways to take back what was said of friday's first label.
BACK: Mapping[str, Callable[[VoiceStore], object]] = {
    "unpinned": lambda store: store.labels.unpin_label("friday", LABEL),
    "undone": lambda store: store.acts.undo(
        next(each.number for each in store.acts.list() if each.kind == "pin")
    ),
}


def _labels(store: VoiceStore, encoder: str) -> dict[tuple[int, int], tuple[str | None, str, bool]]:
    return {
        (each.start_ms, each.end_ms): (each.speaker, each.reason, each.pinned)
        for each in store.labels.current("friday", encoder=encoder)
    }


def _pinned(store: VoiceStore, encoder: str) -> int:
    return [*_labels(store, encoder).values()].count(("Ada", "pinned", True))


@pytest.mark.parametrize("switched", [None, "first", "meanwhile"])
@pytest.mark.parametrize("back", BACK)
def test_the_labels_before_come_back(twice: VoiceStore, back: str, switched: str | None) -> None:
    enroll_both(twice, "Ada", "monday", PEOPLE[0])
    for encoder in BOTH:
        twice.labels.label(encoder=encoder)
    before = {encoder: _labels(twice, encoder) for encoder in BOTH}
    if switched == "first":
        twice.encoders.make_default("others")
    twice.labels.pin_label("friday", LABEL, "Ada")
    assert [_pinned(twice, encoder) for encoder in BOTH] == [6, 6]
    assert not [each for each in twice.encoders.changes("others", like="voices") if _is_pin(each)]
    if switched == "meanwhile":
        twice.encoders.make_default("others")
    BACK[back](twice)
    assert {encoder: _labels(twice, encoder) for encoder in BOTH} == before
    assert not [check for check in twice.upkeep.verify() if check.problems]


def _is_pin(move: object) -> bool:
    return "pinned" in (getattr(move, "from_reason", None), getattr(move, "to_reason", None))


@pytest.mark.parametrize("back", BACK)
def test_an_encoder_that_knows_only_the_word_has_no_label_without_it(
    once: VoiceStore, back: str
) -> None:
    """It was filled and labelled after the word; an undo or the next run judges the segment."""
    enroll_both(once, "Ada", "monday", PEOPLE[0])
    once.labels.label(encoder="voices")
    before = _labels(once, "voices")
    once.labels.pin_label("friday", LABEL, "Ada")
    fill_again(once, OTHERS[1], RECORDINGS)
    once.encoders.carry("others")
    once.labels.label(encoder="others")
    assert [_pinned(once, encoder) for encoder in BOTH] == [6, 6]
    once.encoders.make_default("others")
    BACK[back](once)
    assert _labels(once, "voices") == before
    assert len(_labels(once, "others")) == (12 if back == "undone" else 6)
    once.labels.relabel(["friday"])
    assert len(_labels(once, "others")) == 12
    assert _pinned(once, "others") == 0
    assert not [check for check in once.upkeep.verify() if check.problems]


def test_a_word_that_is_said_again_is_found_again(once: VoiceStore) -> None:
    enroll_both(once, "Ada", "monday", PEOPLE[0])
    once.labels.pin_label("friday", LABEL, "Ada")
    fill_again(once, OTHERS[1], RECORDINGS)
    once.labels.label(encoder="others")
    once.labels.unpin_label("friday", LABEL)
    assert _pinned(once, "others") == 0
    once.acts.undo()
    assert _pinned(once, "others") == 6
    assert not [check for check in once.upkeep.verify() if check.problems]
