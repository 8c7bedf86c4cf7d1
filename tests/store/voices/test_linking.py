"""Speaker linking: voices of several recordings become unknown voices."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest
from pgvoice_testkit.servers.databases import new_database, plain
from pgvoice_testkit.stores.voices import (
    DIMENSION,
    ENCODER,
    PEOPLE,
    STRANGERS,
    enroll,
    talk,
    write,
)
from sqlalchemy import Connection, text

from pgvoice.store import EncoderIdentity, FillRun, Turn, VoiceStore

OTHER = EncoderIdentity("others", "sha256:0123456789abcdef", "1", DIMENSION, 16_000)
#: Who speaks in each recording.
TALKS = {
    "one": PEOPLE[0:4],
    "two": PEOPLE[1:5],
    "three": (*PEOPLE[2:6], STRANGERS[0]),
    "four": (PEOPLE[0], STRANGERS[0], STRANGERS[1]),
}
MEMBERS = text(
    "SELECT l.unknown_voice_id, v.key, l.label FROM pgvoice.linked_voice l"
    " JOIN pgvoice.video v ON v.id = l.video_id WHERE l.encoder_id = :encoder ORDER BY 1, 2, 3"
)
ENDED = text(
    "SELECT id, ended_as, merged_into FROM pgvoice.unknown_voice WHERE ended_at IS NOT NULL"
)
LINK = text("SELECT pgvoice.link_voices(encoder => 1)")
#: Makes an unknown voice of its own out of the voice of somebody in a recording.
PART = text(
    "WITH new AS (INSERT INTO pgvoice.unknown_voice DEFAULT VALUES RETURNING id)"
    " UPDATE pgvoice.linked_voice l SET unknown_voice_id = new.id FROM new"
    " WHERE l.label = :label AND l.video_id"
    " = (SELECT v.id FROM pgvoice.video v WHERE v.key = :video)"
)
#: A person's word about a voice.
SAY = text(
    "SELECT pgvoice_internal.keep_word(v.id, (SELECT range_agg(int4range(t.start_ms, t.end_ms))"
    " FROM pgvoice.turn t WHERE t.video_id = v.id AND t.label = :label), :holds, NULL, :number)"
    " FROM pgvoice.video v WHERE v.key = :video"
)
Group = frozenset[tuple[str, str]]


def _fill(store: VoiceStore, order: Mapping[str, tuple[str, ...]] | tuple[str, ...]) -> None:
    store.voices.enable()
    for video in order:
        talk(store, video, TALKS[video], each=3, seed=list(TALKS).index(video))


@pytest.fixture(scope="module")
def shared(server_url: str, template: str) -> Iterator[VoiceStore]:
    """All recordings, linked; no test changes it."""
    with new_database(server_url, template) as url, VoiceStore.open(plain(url)) as store:
        _fill(store, TALKS)
        yield store


@pytest.fixture
def connection(shared: VoiceStore) -> Iterator[Connection]:
    """A transaction on that store, which is rolled back at the end."""
    with shared.database.unpooled.connect() as opened:
        yield opened
        opened.rollback()


def _members(connection: Connection, encoder: int = 1) -> dict[int, Group]:
    found: dict[int, set[tuple[str, str]]] = {}
    for number, video, label in connection.execute(MEMBERS, {"encoder": encoder}):
        found.setdefault(number, set()).add((video, label))
    return {number: frozenset(group) for number, group in found.items()}


def _stored(store: VoiceStore, encoder: int = 1) -> dict[int, Group]:
    with store.database.engine.connect() as connection:
        return _members(connection, encoder)


def _people() -> set[Group]:
    """The right groups: labels are people."""
    everybody = {person for people in TALKS.values() for person in people}
    return {
        frozenset((video, person) for video, people in TALKS.items() if person in people)
        for person in everybody
    }


def _number(groups: Mapping[int, Group], video: str, person: str) -> int:
    return next(number for number, group in groups.items() if (video, person) in group)


@pytest.mark.parametrize("order", list(itertools.permutations(TALKS))[3::8])
def test_each_person_is_one_unknown_voice_in_any_order(
    store: VoiceStore, order: tuple[str, ...]
) -> None:
    _fill(store, order)
    assert set(_stored(store).values()) == _people()


def test_nothing_is_linked_unless_the_store_does(store: VoiceStore) -> None:
    talk(store, "one", TALKS["one"], each=3)
    assert _stored(store) == {}


def test_linking_again_changes_nothing(connection: Connection) -> None:
    before = _members(connection)
    assert connection.scalar(LINK) == sum(map(len, TALKS.values()))
    assert _members(connection) == before


def test_the_older_of_two_that_become_one_is_left(connection: Connection) -> None:
    before = _members(connection)
    connection.execute(PART, {"video": "two", "label": PEOPLE[2]})
    newest = max(_members(connection))
    connection.execute(LINK)
    assert _members(connection) == before
    kept = _number(before, "two", PEOPLE[2])
    assert [tuple(row) for row in connection.execute(ENDED)] == [(newest, "merged", kept)]


def test_who_is_said_to_be_another_is_never_linked_again(connection: Connection) -> None:
    before = _members(connection)
    number = _number(before, "two", PEOPLE[2])
    for video in ("one", "three"):
        connection.execute(
            SAY, {"video": video, "label": PEOPLE[2], "holds": True, "number": number}
        )
    connection.execute(SAY, {"video": "two", "label": PEOPLE[2], "holds": False, "number": number})
    connection.execute(LINK)
    after = _members(connection)
    assert after[number] == before[number] - {("two", PEOPLE[2])}
    assert after[max(after)] == {("two", PEOPLE[2])}
    assert len(after) == len(before) + 1


def test_who_is_said_to_be_one_is_linked_however_it_sounds(connection: Connection) -> None:
    before = _members(connection)
    older, younger = sorted(
        _number(before, *voice) for voice in (("three", PEOPLE[5]), ("four", STRANGERS[1]))
    )
    connection.execute(
        SAY, {"video": "three", "label": PEOPLE[5], "holds": True, "number": younger}
    )
    connection.execute(LINK)
    both = {older: before.pop(older) | before.pop(younger)}
    assert _members(connection) == before | both
    assert [tuple(row) for row in connection.execute(ENDED)] == [(younger, "merged", older)]


def test_another_encoder_has_the_same_numbers(store: VoiceStore) -> None:
    _fill(store, TALKS)
    for seed, (video, people) in enumerate(TALKS.items()):
        turns = write(store, video, people, each=3, seed=seed, encoder=OTHER)
        store.recordings.record_fill(video, OTHER, FillRun(len(turns), 0, len(turns)))
    assert _stored(store, 2) == _stored(store)


def test_voices_of_somebody_who_is_enrolled_leave(store: VoiceStore) -> None:
    _fill(store, TALKS)
    turns = talk(store, "five", [PEOPLE[2]], each=6, seed=9)
    before = _stored(store)
    enroll(store, "five", turns, [PEOPLE[2]])
    store.labels.label(encoder=ENCODER)
    gone = _number(before, "one", PEOPLE[2])
    assert _stored(store) == {n: group for n, group in before.items() if n != gone}
    with store.database.engine.connect() as connection:
        assert [tuple(row) for row in connection.execute(ENDED)] == [(gone, "gone", None)]


def test_an_erased_recording_leaves_the_means_right(store: VoiceStore) -> None:
    _fill(store, TALKS)
    before = _stored(store)
    store.privacy.erase_video("four")
    assert _stored(store) == {
        number: left
        for number, group in before.items()
        if (left := frozenset(voice for voice in group if voice[0] != "four"))
    }
    assert not [check for check in store.upkeep.verify() if check.problems]


def test_labels_of_one_recording_are_linked_only_if_one_person_was_split(
    store: VoiceStore,
) -> None:
    _fill(store, TALKS)
    turns = write(store, "five", PEOPLE[:4], each=6, seed=9)
    own = [turn for turn in turns if turn.label == PEOPLE[0]]
    split = [Turn(t.start, t.end, "again") if t in own[1::2] or t == own[0] else t for t in turns]
    store.recordings.store_turns("five", split)
    store.recordings.record_fill("five", ENCODER, FillRun(len(turns), 0, len(turns)))
    groups = _stored(store)
    assert _number(groups, "five", "again") == _number(groups, "five", PEOPLE[0])
    assert len({_number(groups, "five", person) for person in PEOPLE[:4]}) == 4


def test_fills_at_the_same_time_make_one_unknown_voice(store: VoiceStore) -> None:
    store.voices.enable()
    with ThreadPoolExecutor(len(TALKS)) as threads:
        for video, people in TALKS.items():
            seed = list(TALKS).index(video)
            threads.submit(talk, store, video, people, each=3, seed=seed)
    assert set(_stored(store).values()) == _people()
    assert not [check for check in store.upkeep.verify() if check.problems]
