"""Another encoder is calibrated as the one before was, if the store has the labels."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pgvoice_testkit.stores.voices import ENCODER, PEOPLE, STRANGERS, enroll, write

from pgvoice.hooks.switch.thresholds import recalibrate
from pgvoice.store import SegmentKey, Turn, VoiceStore
from pgvoice.store.recordings.encoders import StoredEncoder

NEW = replace(ENCODER, name="other voices")


@pytest.fixture
def library(store: VoiceStore) -> VoiceStore:
    """Two encoders with the same vectors, and people who are enrolled with both."""
    for encoder in (ENCODER, NEW):
        turns = write(store, "first", PEOPLE, each=9, encoder=encoder)
        write(store, "second", PEOPLE + STRANGERS, each=9, seed=1, encoder=encoder)
        if encoder == ENCODER:
            enroll(store, "first", turns, PEOPLE)
    store.encoders.carry(NEW, like=ENCODER)
    return store


def _both(store: VoiceStore) -> tuple[StoredEncoder, StoredEncoder]:
    return store.encoders.find(ENCODER), store.encoders.find(NEW)


def _turns() -> list[Turn]:
    """Who speaks in the recording "second"."""
    found, at = [], 0.0
    for person in PEOPLE + STRANGERS:
        for number in range(9):
            seconds = (1.5, 3.0, 6.0)[number % 3]
            found.append(Turn(at, at + seconds, person))
            at += seconds + 0.5
    return found


def _pin(store: VoiceStore, turns: list[Turn]) -> None:
    """Say who speaks; whoever is not enrolled is nobody known."""
    for who in (*PEOPLE, None):
        own = [turn for turn in turns if (turn.label if turn.label in PEOPLE else None) == who]
        keys = [SegmentKey(round(1000 * turn.start), round(1000 * turn.end)) for turn in own]
        store.labels.pin_segments("second", keys, who)


def test_from_pins_and_exemplars(library: VoiceStore) -> None:
    assert recalibrate(library, *_both(library), again=True) is None
    _pin(library, _turns())
    made = library.thresholds.calibrate(0.2, pinned=True, exemplars=True, edges=(2,))
    assert made.active
    assert (made.uses_given, made.uses_pins, made.uses_exemplars) == (False, True, True)
    found = recalibrate(library, *_both(library), again=True)
    assert found is not None
    assert found.said == "made from pinned labels, exemplars left out one at a time"
    active = library.thresholds.active(encoder=NEW)
    assert active is not None
    assert [band.threshold for band in active.bands] == pytest.approx(
        [band.threshold for band in made.bands], abs=1e-6
    )
    again = recalibrate(library, *_both(library), again=True)
    assert again is not None
    assert again.said == "is in use"


def test_labels_of_files_are_not_stored(library: VoiceStore) -> None:
    made = library.thresholds.calibrate(0.2, labels={"second": _turns()}, exemplars=True)
    assert (made.uses_given, made.uses_pins, made.uses_exemplars) == (True, False, True)
    found = recalibrate(library, *_both(library), again=True)
    assert found is not None
    assert "calibrated with labels of second, exemplars left out one at a time" in found.said
    assert found.command == (
        f"pgvoice calibrate --labels FILE --exemplars --target-far 0.2 --encoder {NEW}"
    )
    assert library.thresholds.calibrations(encoder=NEW) == []


def test_a_target_that_is_not_met_is_not_tried_again(library: VoiceStore) -> None:
    # Half of what three people say is somebody else's, who is not enrolled and sounds alike.
    _pin(
        library,
        [
            replace(turn, label="a double") if turn.label in PEOPLE[:3] and number % 2 else turn
            for number, turn in enumerate(_turns())
        ],
    )
    made = library.thresholds.calibrate(0.05, pinned=True)
    assert not made.is_met
    library.thresholds.activate(int(made.id or 0))
    for again, expected in ((True, 1), (False, 1), (True, 2)):
        found = recalibrate(library, *_both(library), again=again)
        assert found is not None
        assert found.said.startswith("not in use: FAR is only sure to be ")
        stored = library.thresholds.calibrations(encoder=NEW)
        assert (len(stored), found.command) == (
            expected,
            f"pgvoice calibrate --activate {stored[0].id}",
        )
