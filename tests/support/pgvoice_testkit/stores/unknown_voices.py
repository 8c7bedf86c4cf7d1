"""Recordings of made-up people whose labels say nothing of who they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np
from sqlalchemy import text

from pgvoice.store import Exemplar, FillRun, SegmentKey, Turn, VoiceStore
from pgvoice_testkit.servers.databases import new_database, plain
from pgvoice_testkit.stores.filled import THRESHOLD, unit
from pgvoice_testkit.stores.voices import DIMENSION, ENCODER, PEOPLE, write

CONSENT = "form of 3 May"
#: Who speaks in each recording, in the order of its labels: three are in several, two in one.
RECORDINGS: Mapping[str, tuple[str, ...]] = {
    "monday": (PEOPLE[0], PEOPLE[1]),
    "tuesday": (PEOPLE[2], PEOPLE[0]),
    "thursday": (PEOPLE[1], PEOPLE[3], PEOPLE[2]),
    "friday": (PEOPLE[4], PEOPLE[0]),
}


_LINKED = text(
    "SELECT l.unknown_voice_id, v.key, l.label FROM pgvoice.linked_voice AS l"
    " JOIN pgvoice.video AS v ON v.id = l.video_id"
)


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


def record_all(store: VoiceStore) -> None:
    """Store all of `RECORDINGS`, in which nothing is linked yet."""
    for seed, (video, people) in enumerate(RECORDINGS.items()):
        record(store, video, people, seed=seed)


@contextmanager
def linked_library(server_url: str, template: str) -> Iterator[str]:
    """The name of a database to copy, with `RECORDINGS` and their unknown voices."""
    with new_database(server_url, template) as url:
        with VoiceStore.open(plain(url)) as store:
            record_all(store)
            store.voices.enable()
        assert url.database is not None
        yield url.database


def heard(store: VoiceStore, number: int) -> set[str]:
    """Whose voices an unknown voice is made of."""
    return _people(store).get(number, set())


def number_of(store: VoiceStore, person: str) -> int:
    """The unknown voice that a person is the only one in."""
    (number,) = (number for number, people in _people(store).items() if people == {person})
    return number


def _people(store: VoiceStore) -> dict[int, set[str]]:
    found = defaultdict[int, set[str]](set)
    with store.database.engine.connect() as connection:
        for number, video, spoken in connection.execute(_LINKED):
            if video in RECORDINGS:
                found[number].add(RECORDINGS[video][int(spoken.removeprefix("SPEAKER_"))])
    return found


def enroll_near(store: VoiceStore, name: str, person: str, similarity: float) -> None:
    """Enroll somebody whose profile is so similar to a person's voice."""
    rng = np.random.default_rng(1000 + PEOPLE.index(person))
    voice = unit(*rng.normal(size=DIMENSION))
    other = rng.normal(size=DIMENSION)
    other -= (other @ voice) * voice
    vector = unit(*(similarity * voice + np.sqrt(1 - similarity**2) * unit(*other)))
    exemplar = Exemplar(vector, "e" * 64, SegmentKey(0, 9000), "elsewhere")
    store.people.enroll(name, [exemplar], ENCODER, THRESHOLD, force=True)


def checksums(store: VoiceStore) -> dict[str, str]:
    """The checksum of every table."""
    return {each.table: each.checksum for each in store.upkeep.checksums()}


def changed_tables(before: dict[str, str], after: dict[str, str]) -> set[str]:
    """The tables that differ, besides those that keep what was done."""
    differing = {table for table in before if before[table] != after[table]}
    return differing - {"act", "act_change", "audit_event", "audit_head", "audit_link"}


def names_in(store: VoiceStore, video: str) -> set[str | None]:
    """Who is labelled in a recording."""
    return {each.speaker for each in store.labels.current(video)}


def words_of(store: VoiceStore) -> list[tuple[object, ...]]:
    """What was said, in order: recording, whether it holds, name, number."""
    with store.database.engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT v.key, w.holds, s.name, w.unknown_voice_id FROM pgvoice.verdict AS w"
                " JOIN pgvoice.video AS v ON v.id = w.video_id"
                " LEFT JOIN pgvoice.speaker AS s ON s.id = w.speaker_id ORDER BY w.id"
            )
        )
        return [tuple(row) for row in rows]


def act_of(store: VoiceStore, number: int | None) -> tuple[object, ...]:
    """Kind, subject and details of an act."""
    with store.database.engine.connect() as connection:
        row = connection.execute(
            text("SELECT kind, subject, details FROM pgvoice.act WHERE id = :id"), {"id": number}
        )
        return tuple(row.one())
