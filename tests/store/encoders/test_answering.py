"""With two encoders, the default one answers: nothing counts twice, and every answer names it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise

import pytest
from pgvoice_testkit.servers.databases import new_database, plain, run
from pgvoice_testkit.stores.second_encoder import OTHERS as TWINS
from pgvoice_testkit.stores.second_encoder import fill_again
from pgvoice_testkit.stores.unknown_voices import (
    CONSENT,
    RECORDINGS,
    enroll_near,
    linked_library,
    number_of,
)
from pgvoice_testkit.stores.voices import ENCODER, PEOPLE
from sqlalchemy import text

from pgvoice.store import SegmentKey, VoiceStore
from pgvoice.store.recordings.encoders import WhichEncoder

OTHERS = TWINS[0]
Ask = Callable[[VoiceStore, WhichEncoder], object]
ASKED: Mapping[str, Ask] = {
    "videos": lambda store, which: store.recordings.videos(encoder=which),
    "video": lambda store, which: store.recordings.video("monday", encoder=which),
    "summaries": lambda store, which: store.recordings.summaries(encoder=which),
    "coverage": lambda store, which: store.recordings.coverage(encoder=which),
    "speakers": lambda store, which: store.people.speakers(encoder=which),
    "exemplars": lambda store, which: store.people.exemplars("Ada", encoder=which),
    "quality": lambda store, which: store.people.quality(encoder=which),
    "overview": lambda store, which: store.people.overview(encoder=which),
    "by speech": lambda store, which: store.people.overview(order="speech", encoder=which),
    "by cohesion": lambda store, which: store.people.overview(order="cohesion", encoder=which),
    "by likeness": lambda store, which: store.people.overview(order="resemblance", encoder=which),
    "by exemplars": lambda store, which: store.people.overview(order="exemplars", encoder=which),
    "similar people": lambda store, which: store.people.similar("Ada", encoder=which),
    "heard": lambda store, which: store.people.heard("Ada", encoder=which),
    "identify": lambda store, which: store.answers.identify("friday", encoder=which),
    "appearances": lambda store, which: store.answers.appearances("Ada", encoder=which),
    "search": lambda store, which: store.answers.search_text("said", encoder=which),
    "labels": lambda store, which: store.labels.current("friday", encoder=which),
    "names": lambda store, which: store.labels.of_segments(
        [("friday", SegmentKey(0, 2000)), ("monday", SegmentKey(0, 2000))], encoder=which
    ),
    "speaker time": lambda store, which: store.labels.speaker_time(encoder=which),
    "unknown": lambda store, which: store.voices.unknown(encoder=which),
    "dismissed": lambda store, which: store.voices.unknown(dismissed=True, encoder=which),
    "shown": lambda store, which: store.voices.show(_number(store), encoder=which),
    "clips": lambda store, which: store.voices.clips(_number(store), encoder=which),
    "card": lambda store, which: store.voices.card(_number(store), encoder=which),
    "queue": lambda store, which: store.voices.queue(encoder=which),
    "left": lambda store, which: store.voices.left(encoder=which),
    "suggestions": lambda store, which: store.voices.suggestions(encoder=which),
}


def _number(store: VoiceStore) -> int:
    return number_of(store, PEOPLE[1])


def _told(store: VoiceStore, which: WhichEncoder = None) -> dict[str, str]:
    return {name: repr(ask(store, which)) for name, ask in ASKED.items()}


@pytest.fixture(scope="module")
def alone(server_url: str, template: str) -> Iterator[VoiceStore]:
    """A library with one encoder: people, a voice that may be Dana's, and one to dismiss."""
    with (
        linked_library(server_url, template) as name,
        new_database(server_url, name) as url,
        VoiceStore.open(plain(url)) as store,
    ):
        run(
            store.database.engine,
            "UPDATE pgvoice.setting SET keep_text = true",
            "UPDATE pgvoice.turn SET text = 'said'",
        )
        store.voices.name(number_of(store, PEOPLE[0]), "Ada", consent=CONSENT)
        store.people.enroll_segments("Bob", "friday", labels=["SPEAKER_00"], force=True)
        store.people.enroll_segments("Cleo", "thursday", labels=["SPEAKER_01"], force=True)
        enroll_near(store, "Dana", PEOPLE[1], 0.52)
        store.voices.dismiss(number_of(store, PEOPLE[2]), "tv")
        store.labels.label()
        yield store


@pytest.fixture(scope="module")
def told(alone: VoiceStore) -> dict[str, str]:
    """What a store with one encoder says."""
    return _told(alone)


@pytest.fixture(scope="module")
def both(alone: VoiceStore, told: dict[str, str]) -> VoiceStore:
    """The library with the vectors once more, of another encoder, and all that belongs to it."""
    assert told
    fill_again(alone, OTHERS, RECORDINGS)
    alone.encoders.carry(OTHERS)
    alone.labels.label(encoder=OTHERS)
    return alone


def test_nothing_counts_twice(both: VoiceStore, told: dict[str, str]) -> None:
    again = _told(both)
    assert {name for name in told if again[name] != told[name]} == set()
    assert _told(both, ENCODER) == again


def test_each_answer_names_its_encoder(both: VoiceStore) -> None:
    unnamed = {"identify", "clips", "left"}
    # Dana's audio is not there.
    empty = {ENCODER: set[str](), OTHERS: {"suggestions"}}
    for which, nothing in empty.items():
        for name, answer in _told(both, which).items():
            assert (answer == "[]") is (name in nothing), name
            assert (str(which) in answer) is (name not in unnamed | nothing), name
            assert str(OTHERS if which == ENCODER else ENCODER) not in answer


def test_the_other_one_answers_after_the_switch(both: VoiceStore) -> None:
    others, own = _told(both, OTHERS), _told(both, ENCODER)
    before = both.encoders.make_default(OTHERS).identity
    try:
        assert _told(both) == others
        assert _told(both, ENCODER) == own
    finally:
        both.encoders.make_default(before)


def test_labels_in_sql_are_of_each_encoder(both: VoiceStore) -> None:
    """And a reader can tell which are those of the default one."""
    counted = text(
        "SELECT encoder, by_default, count(*) FROM pgvoice.label GROUP BY 1, 2 ORDER BY 1"
    )
    with both.database.engine.connect() as connection:
        rows = connection.execute(counted).all()
    assert {(row.encoder, row.by_default) for row in rows} == {
        (str(ENCODER), True),
        (str(OTHERS), False),
    }
    assert all(one.count == other.count for one, other in pairwise(rows))
