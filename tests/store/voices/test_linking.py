"""Speaker linking: voices of several recordings become unknown voices."""

from __future__ import annotations

import itertools

import pytest
from pgvoice_testkit.servers.databases import run
from pgvoice_testkit.stores.voices import PEOPLE, STRANGERS, talk
from sqlalchemy import text

from pgvoice.store import VoiceStore

MEMBERS = text(
    "SELECT l.unknown_voice_id, v.key, l.label FROM pgvoice.linked_voice l"
    " JOIN pgvoice.video v ON v.id = l.video_id WHERE l.encoder_id = :encoder ORDER BY 1, 2, 3"
)
#: Who speaks in each recording.
TALKS = {
    "one": PEOPLE[0:4],
    "two": PEOPLE[1:5],
    "three": (*PEOPLE[2:6], STRANGERS[0]),
    "four": (PEOPLE[0], STRANGERS[0], STRANGERS[1]),
}


def _enable(store: VoiceStore) -> None:
    run(store.database.engine, "UPDATE pgvoice.setting SET linking = true")


def _members(store: VoiceStore, encoder: int = 1) -> dict[int, set[tuple[str, str]]]:
    found: dict[int, set[tuple[str, str]]] = {}
    with store.database.engine.connect() as connection:
        for number, video, label in connection.execute(MEMBERS, {"encoder": encoder}):
            found.setdefault(number, set()).add((video, label))
    return found


def _people(talks: dict[str, tuple[str, ...]]) -> set[frozenset[tuple[str, str]]]:
    """The right groups: labels are people."""
    everybody = {person for people in talks.values() for person in people}
    return {
        frozenset((video, person) for video, people in talks.items() if person in people)
        for person in everybody
    }


def _groups(store: VoiceStore, encoder: int = 1) -> set[frozenset[tuple[str, str]]]:
    return {frozenset(group) for group in _members(store, encoder).values()}


@pytest.mark.parametrize("order", list(itertools.permutations(TALKS))[::7])
def test_each_person_is_one_unknown_voice_in_any_order(
    store: VoiceStore, order: tuple[str, ...]
) -> None:
    _enable(store)
    for video in order:
        talk(store, video, TALKS[video], each=3, seed=list(TALKS).index(video))
    assert _groups(store) == _people(TALKS)
