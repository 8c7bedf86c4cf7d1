"""What a document changes of the names in a recording; a document without changes says so."""

from __future__ import annotations

import pytest
from pgvoice_testkit.stores.filled import X, Y, put

from pgvoice.hooks import NotLabelled, import_labels
from pgvoice.hooks.labels_import import SpokenTurn, compared
from pgvoice.store import NewName, SegmentKey, Turn, VoiceStore

#: Ann, then Bob, who is called so and whom Ann interrupts; then somebody without a name.
SPOKEN = [
    SpokenTurn(SegmentKey(0, 4000), "S0", "Ann"),
    SpokenTurn(SegmentKey(4000, 10_000), "S1", "Bob Ray"),
    SpokenTurn(SegmentKey(6000, 7000), "S0", "Ann"),
    SpokenTurn(SegmentKey(10_000, 14_000), "S2", None),
]
SAID = [(0, 4, "Ann"), (4, 10, "Bob Ray"), (6, 7, "Ann"), (10, 14, "S2")]
PEOPLE = ["Ann", "Bob Ray", "Cy"]


def _changes(said: list[tuple[float, float, str | None]]) -> list[tuple[float, str]]:
    found = compared(SPOKEN, [Turn(*each) for each in said], PEOPLE, 100)
    return [(change.start, change.after) for change in found.changes]


@pytest.mark.parametrize(
    "label",
    [None, "", "S1", "S2", "SPEAKER_00", "speaker 3", "voice 12", "?1", "(Ann?)", "Unknown", "-"],
)
def test_what_is_no_name_changes_nothing(label: str | None) -> None:
    assert _changes([(start, end, label) for start, end, _ in SAID]) == []


@pytest.mark.parametrize("at", range(len(SAID)))
def test_one_edited_name_changes_one_turn(at: int) -> None:
    said: list[tuple[float, float, str | None]] = list(SAID)
    assert _changes(said) == []
    said[at] = (*SAID[at][:2], "Cy")
    assert _changes(said) == [(SAID[at][0], "Cy")]


def test_names_as_formats_without_blanks_write_them() -> None:
    assert _changes([(4, 10, "Bob_Ray"), (10, 14, "Bob_Ray")]) == [(10, "Bob Ray")]


@pytest.mark.parametrize("shift", [-0.2, 0.0, 0.2])
def test_times_that_an_editor_moved(shift: float) -> None:
    said = [(start + 0.3 + shift, end + 0.3 + shift, "Cy") for start, end, _ in SAID]
    assert _changes([*said[:3]]) == [(0, "Cy"), (4, "Cy"), (6, "Cy")]


def test_turns_that_an_editor_joined() -> None:
    """What somebody else says meanwhile keeps its name if it is there."""
    assert _changes([(0, 14, "Cy"), (6, 7, "Ann")]) == [(0, "Cy"), (4, "Cy"), (10, "Cy")]


def test_a_turn_that_an_editor_split_is_whose_most_of_it_is() -> None:
    said = [Turn(4, 8, "Cy"), Turn(8, 10, "Ann")]
    found = compared(SPOKEN, said, PEOPLE, 100)
    assert [(change.start, change.after) for change in found.changes] == [(4, "Cy"), (6, "Cy")]
    assert found.unmatched == [said[1]]


def test_what_means_no_turn_is_told() -> None:
    said = [Turn(20, 24, "Ann"), Turn(20, 24, "S0"), Turn(5, 4, "Ann"), Turn(0, 4, None)]
    found = compared(SPOKEN, said, PEOPLE, 100)
    assert (found.changes, found.unmatched, found.nameless) == ([], said[:1], 1)


def test_two_names_for_one_turn_change_nothing() -> None:
    assert _changes([(0, 4, "Cy"), (0, 4, "Bob Ray")]) == []
    assert _changes([(0, 4, "Cy"), (0, 4, "Ann")]) == []


def test_an_import_pins(store: VoiceStore) -> None:
    put(store, "v", {(0, 2): X, (2, 4): Y, (4, 6): X})
    store.people.enroll_segments("ann", "v", [(0, 2)])
    store.people.enroll_segments("bob", "v", [(2, 4)])
    said = [Turn(0, 2, "ann"), Turn(2, 4, "bob"), Turn(4, 6, "bob")]
    with pytest.raises(NotLabelled, match="neither turns nor labels"):
        import_labels(store, "v", said)
    store.labels.label()
    dry = import_labels(store, "v", said, dry_run=True)
    assert [(each.start, each.before, each.after) for each in dry.changes] == [(4, "ann", "bob")]
    assert (dry.act, store.labels.current("v")[2].speaker) == (None, "ann")
    assert import_labels(store, "v", said).changes == dry.changes
    labels = [(label.speaker, label.pinned) for label in store.labels.current("v")]
    assert labels == [("ann", False), ("bob", False), ("bob", True)]
    assert import_labels(store, "v", said).changes == ()


def test_an_import_is_all_or_nothing(store: VoiceStore) -> None:
    put(store, "v", {(0, 2): X, (2, 4): Y})
    store.people.enroll_segments("ann", "v", [(0, 2)])
    store.labels.label()
    said = [Turn(0, 2, "zoe"), Turn(2, 4, "ann")]
    assert import_labels(store, "v", said, dry_run=True).new == ("zoe",)
    with pytest.raises(NewName, match="zoe"):
        import_labels(store, "v", said)
    assert not any(label.pinned for label in store.labels.current("v"))


def test_an_import_is_one_act_also_of_new_people_and_of_what_has_no_label(
    store: VoiceStore,
) -> None:
    put(store, "v", {(0, 2): X, (2, 4): Y})
    store.people.enroll_segments("ann", "v", [(0, 2)])
    store.recordings.store_turns("v", [Turn(0, 2, "S0"), Turn(2, 4, "S1")])
    said = [Turn(0, 2, "zoe"), Turn(2, 4, "ann")]
    acts = len(store.acts.list())
    assert import_labels(store, "v", said, new=True).act == store.acts.list()[0].number
    assert len(store.acts.list()) == acts + 1
    assert import_labels(store, "v", said).changes == ()
    assert [each.speaker for each in store.answers.identify("v")] == ["zoe", "ann"]
    store.acts.undo(store.acts.list()[0].number)
    assert len(import_labels(store, "v", said, dry_run=True).changes) == 2
    assert [each.speaker for each in store.people.speakers()] == ["ann"]
