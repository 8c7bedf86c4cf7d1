"""Recordings of made-up people whose labels say nothing of who they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pgvoice.store import FillRun, Turn, VoiceStore
from pgvoice_testkit.stores.voices import ENCODER, PEOPLE, write

#: Who speaks in each recording, in the order of its labels: three are in several, two in one.
RECORDINGS: Mapping[str, tuple[str, ...]] = {
    "monday": (PEOPLE[0], PEOPLE[1]),
    "tuesday": (PEOPLE[2], PEOPLE[0]),
    "thursday": (PEOPLE[1], PEOPLE[3], PEOPLE[2]),
    "friday": (PEOPLE[4], PEOPLE[0]),
}


def label(place: int) -> str:
    return f"SPEAKER_{place:02}"


def record(
    store: VoiceStore, video: str, people: Iterable[str], *, seed: int, each: int = 6
) -> None:
    """Store a recording as a fill does with turns of a diarizer."""
    listed = list(people)
    turns = [
        Turn(turn.start, turn.end, label(listed.index(str(turn.label))))
        for turn in write(store, video, listed, each=each, seed=seed)
    ]
    store.recordings.store_turns(video, turns)
    store.recordings.record_fill(video, ENCODER, FillRun(len(turns), 0, len(turns)))


def heard(store: VoiceStore, number: int) -> set[str]:
    """Whose voices an unknown voice is made of."""
    return {
        RECORDINGS[each.video][int(each.label.removeprefix("SPEAKER_"))]
        for each in store.voices.show(number)
    }


def number_of(store: VoiceStore, person: str) -> int:
    """The unknown voice that a person is the only one in."""
    (found,) = [
        each.number for each in store.voices.unknown() if person in heard(store, each.number)
    ]
    assert heard(store, found) == {person}
    return found
