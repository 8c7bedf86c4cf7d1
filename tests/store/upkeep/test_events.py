"""Events: what is told to whom, that nobody learns more, and that listeners survive and end."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator

import psycopg
import pytest
from pgvoice_testkit.servers import pooler
from pgvoice_testkit.servers.databases import new_database, plain, run
from pgvoice_testkit.stores.filled import ENCODER, X, Y, put
from pgvoice_testkit.stores.second_encoder import OTHERS, fill_again
from pgvoice_testkit.stores.unknown_voices import (
    RECORDINGS,
    enroll_near,
    number_of,
    record,
)
from pgvoice_testkit.stores.voices import ENCODER as VOICES
from pgvoice_testkit.stores.voices import PEOPLE
from sqlalchemy import make_url, text

from pgvoice.store import DatabaseError, Event, FillRun, VoiceStore

FILLED = (
    "INSERT INTO pgvoice.fill_run (video_id, encoder_id, requested, hits, filled, skipped,"
    " decode_seconds, encode_seconds) SELECT v.id, e.id, 1, 0, 1, '{}', 0, 0"
    " FROM pgvoice.video AS v JOIN pgvoice.encoder AS e ON e.id = pgvoice.default_encoder()"
    " WHERE v.key = :video"
)
One = tuple[str, str | None, str | None, int | None]
Told = list[One]


@pytest.fixture(scope="module")
def _linked(server_url: str, template: str) -> Iterator[str]:
    """The database of three recordings whose unknown voices are linked."""
    with new_database(server_url, template) as url:
        with VoiceStore.open(plain(url)) as store:
            for seed, (video, people) in enumerate([*RECORDINGS.items()][:3]):
                record(store, video, people, seed=seed)
            store.voices.enable()
        assert url.database is not None
        yield url.database


@pytest.fixture
def library(server_url: str, _linked: str) -> Iterator[VoiceStore]:
    with new_database(server_url, _linked) as url, VoiceStore.open(plain(url)) as store:
        yield store


def _told(store: VoiceStore, *doing: Callable[[], object]) -> list[Told]:
    """What a listener hears of each; the end is marked by a fill of a recording of its own."""
    run(store.database.engine, "INSERT INTO pgvoice.video (key) VALUES ('the end')")
    with store.events.listen(timeout=20) as listening:
        events = iter(listening)
        return [_told_of(store, do, events) for do in doing]


def _told_of(store: VoiceStore, do: Callable[[], object], events: Iterator[Event]) -> Told:
    do()
    _mark_the_end(store)
    return list(_until_the_end(events))


def _mark_the_end(store: VoiceStore) -> None:
    with store.database.engine.begin() as connection:
        connection.execute(text(FILLED), {"video": "the end"})


def _until_the_end(events: Iterator[Event]) -> Iterator[One]:
    for event in events:
        if event.video == "the end":
            return
        yield event.kind, event.video, event.speaker, event.voice
    pytest.fail("the end was not told")


def _fill(store: VoiceStore, filled: int) -> Callable[[], None]:
    return lambda: store.recordings.record_fill("v", ENCODER, FillRun(1, 1 - filled, filled))


def test_fills_and_first_enrollments(store: VoiceStore) -> None:
    put(store, "v", {(0, 1): X, (1, 2): Y})
    told = _told(
        store,
        _fill(store, 1),
        _fill(store, 0),
        lambda: store.people.enroll_segments("ann", "v", [(0, 1)], min_speech=1),
        lambda: store.people.enroll_segments("ann", "v", [(0, 1)], min_speech=1, force=True),
        lambda: store.people.rename("ann", "anna"),
        lambda: store.privacy.grant_consent("cyd", "a form"),
    )
    filled, named = ("filled", "v", None, None), ("named", None, "ann", None)
    assert told == [[filled], [], [named], [], [], []]


def test_unknown_voices_that_are_heard_again_and_named(library: VoiceStore) -> None:
    """The fourth recording has a voice of two others, and a new one."""
    number = number_of(library, PEOPLE[0])
    dismissed = number_of(library, PEOPLE[1])
    library.voices.dismiss(dismissed, "tv")
    told = _told(
        library,
        lambda: record(library, "friday", RECORDINGS["friday"], seed=3),
        lambda: record(library, "saturday", (PEOPLE[1], PEOPLE[4]), seed=4),
        lambda: library.voices.name(number, "Ada", dry_run=True),
        lambda: library.voices.name(number, "Ada"),
        library.acts.undo,
    )
    again = number_of(library, PEOPLE[4])
    assert told == [
        [("filled", "friday", None, None), ("heard", "friday", None, number)],
        [("filled", "saturday", None, None), ("heard", "saturday", None, again)],
        [],
        [("named", None, "Ada", number)],
        [],
    ]


def test_people_whom_labels_name_in_a_recording(library: VoiceStore) -> None:
    enroll_near(library, "Ada", PEOPLE[0], 0.9)
    told = _told(
        library,
        lambda: library.labels.label(["monday"], encoder=VOICES),
        lambda: library.labels.label(["monday", "tuesday"], encoder=VOICES),
        lambda: library.labels.label(["tuesday"], encoder=VOICES),
        lambda: library.labels.pin("thursday", (0, 3), "Ada", encoder=VOICES),
    )
    monday, tuesday = (("heard", video, "Ada", None) for video in ("monday", "tuesday"))
    assert told == [[monday], [tuesday], [], []]


def test_only_what_the_default_encoder_hears(library: VoiceStore) -> None:
    """What another one hears was told already, or nobody asks for it yet."""
    other, spans = OTHERS[1], [(0, 1.5), (2, 5), (5.5, 11.5)]
    enroll_near(library, "Ada", PEOPLE[0], 0.9)
    told = _told(
        library,
        lambda: library.labels.label(["monday"]),
        lambda: fill_again(library, other, dict([*RECORDINGS.items()][:3])),
        lambda: library.people.enroll_segments("Ada", "monday", spans, encoder=other, force=True),
        lambda: library.labels.label(["monday"], encoder=other),
        lambda: library.encoders.make_default(other),
        lambda: library.labels.label(["monday", "tuesday"]),
        lambda: library.labels.label(encoder=VOICES),
        lambda: library.labels.label(),
    )
    monday, tuesday = (("heard", video, "Ada", None) for video in ("monday", "tuesday"))
    assert told == [[monday], [], [], [], [], [tuesday], [], []]


def test_what_is_undone_at_once_is_not_told(store: VoiceStore) -> None:
    put(store, "v", {(0, 1): X, (1, 2): Y})

    def roll_back() -> None:
        with store.database.engine.connect() as connection:
            connection.execute(text(FILLED), {"video": "v"})
            connection.rollback()

    assert _told(store, roll_back) == [[]]


def test_notifications_hold_numbers_only(library: VoiceStore) -> None:
    """Whoever can connect may listen; the order of events in a transaction does not matter."""
    library.voices.dismiss(number_of(library, PEOPLE[1]), "tv")
    url = plain(library.database.url).replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as anybody:
        anybody.execute("LISTEN pgvoice")
        record(library, "friday", RECORDINGS["friday"], seed=3)
        library.voices.name(number_of(library, PEOPLE[0]), "Ada")
        library.labels.label()
        anybody.execute("NOTIFY pgvoice, 'the end'")
        payloads = []
        for sent in anybody.notifies():
            if sent.payload == "the end":
                break
            payloads.append(json.loads(sent.payload))
    assert {each["event"] for each in payloads} == {"filled", "heard", "named", "labelled"}
    assert all(each.keys() == {"event", "id"} for each in payloads)
    assert all(type(each["id"]) is int for each in payloads)


@pytest.mark.parametrize(
    "payload",
    ["", "x", "[" * 5000, "null", "7", '{"event": "filled"}', '{"event": 1, "id": 1}']
    + [f'{{"event": "filled", "id": {number}}}' for number in ("true", "1e0", -1, 10**30, '"1"')]
    + ['{"event": "\\u0000", "id": 1}', '{"event": "\\ud800", "id": 1}'],
)
def test_anybody_may_send_anything(store: VoiceStore, payload: str) -> None:
    put(store, "v", {(0, 1): X})
    url = plain(store.database.url).replace("+psycopg", "")

    def send() -> None:
        with psycopg.connect(url) as anybody:
            anybody.execute("SELECT pg_notify('pgvoice', %s)", (payload,))

    assert _told(store, send) == [[]]


def test_a_reader_listens(library: VoiceStore) -> None:
    with VoiceStore.open(plain(library.database.url), role="pgvoice_reader") as reader:
        run(library.database.engine, "INSERT INTO pgvoice.video (key) VALUES ('the end')")
        with reader.events.listen(timeout=20) as listening:
            record(library, "friday", RECORDINGS["friday"], seed=3)
            _mark_the_end(library)
            told = list(_until_the_end(iter(listening)))
    assert ("filled", "friday", None, None) in told
    assert ("heard", "friday", None, number_of(library, PEOPLE[0])) in told


def _end_listeners(store: VoiceStore) -> None:
    run(
        store.database.engine,
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
        " WHERE pid <> pg_backend_pid() AND datname = current_database() AND state = 'idle'"
        " AND query IN ('COMMIT', 'LISTEN pgvoice')",
    )


def test_a_lost_connection_is_told_and_mended(store: VoiceStore) -> None:
    put(store, "v", {(0, 1): X})
    with store.events.listen(timeout=20) as listening:
        _end_listeners(store)
        events = iter(listening)
        assert next(events).kind == "reconnected"
        _fill(store, 1)()
        event = next(events)
        assert (event.kind, event.video) == ("filled", "v")
        assert event.at.tzinfo is not None


def _listeners(store: VoiceStore) -> int:
    with store.database.engine.connect() as connection:
        found: int = connection.exec_driver_sql(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        ).scalar_one()
    return found


def test_it_ends_when_another_thread_closes_it(store: VoiceStore) -> None:
    events: list[Event] = []
    listening = store.events.listen()
    waiting = threading.Thread(target=lambda: events.extend(listening))
    waiting.start()
    listening.close()
    waiting.join(10)
    assert not waiting.is_alive()
    assert events == []
    assert list(listening) == [], "it stays closed"


def test_it_ends_without_events_and_leaves_no_connection(store: VoiceStore) -> None:
    before = _listeners(store)
    assert list(store.events.listen(timeout=0)) == []
    store.events.listen().close()
    with store.events.listen() as listening:
        assert _listeners(store) == before + 1
        listening.close()
    run(store.database.engine, "SELECT 1")
    assert _listeners(store) == before


@pytest.mark.skipif(pooler.PROGRAM is None, reason="needs pgbouncer, of the system's packages")
def test_a_pooler_passes_no_events_on(store_url: str, server_url: str) -> None:
    with pooler.pooler(server_url) as pooled:
        url = plain(pooled.set(database=make_url(store_url).database))
        with VoiceStore.open(url) as store, pytest.raises(DatabaseError, match="PgBouncer: name"):
            store.events.listen()
