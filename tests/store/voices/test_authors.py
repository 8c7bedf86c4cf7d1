"""For whom a person at a page or an agent acts: claimed in Python, stored with acts and events."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import pytest
from pgvoice_testkit.servers.databases import run
from pgvoice_testkit.stores.filled import X, Y, put
from sqlalchemy import text

from pgvoice.store import ActNotUndoable, VoiceStore

LONG = "SELECT set_config('pgvoice.author', {}, true)"


@pytest.fixture
def library(store: VoiceStore) -> VoiceStore:
    """Ann, whom nobody in particular enrolled."""
    put(store, "v", {(0, 1): X, (1, 2): Y})
    store.people.enroll_segments("ann", "v", [(0, 1)], min_speech=1)
    return store


def _rename(store: VoiceStore, number: int) -> None:
    name = store.people.speakers()[0].speaker
    store.people.rename(name, f"ann {number}")


def _authors(store: VoiceStore) -> list[str | None]:
    return [act.on_behalf_of for act in store.acts.list()][::-1]


def test_acts_and_events_keep_for_whom_they_are(library: VoiceStore) -> None:
    with library.on_behalf_of("Alice"):
        _rename(library, 1)
        with library.on_behalf_of("Bob"):
            _rename(library, 2)
        _rename(library, 3)
    _rename(library, 4)
    assert _authors(library) == [None, "Alice", "Bob", "Alice", None]
    assert {act.author for act in library.acts.list()} == {"postgres"}
    renamed = [event for event in library.privacy.audit() if event.action == "rename"][::-1]
    assert [event.on_behalf_of for event in renamed] == ["Alice", "Bob", "Alice", None]
    assert {event.actor for event in renamed} == {"postgres"}
    assert [check for check in library.upkeep.verify() if check.problems] == []


def test_who_undoes_is_kept_too(library: VoiceStore) -> None:
    with library.on_behalf_of("Alice"):
        _rename(library, 1)
    with library.on_behalf_of("Bob"):
        library.acts.undo(dry_run=True)
        undone = library.acts.undo().number
        with pytest.raises(ActNotUndoable):
            library.acts.undo(undone)
    act = library.acts.list(limit=1)[0]
    assert (act.on_behalf_of, act.undone_on_behalf_of) == ("Alice", "Bob")
    assert act.undone_by == "postgres"
    told = [(event.action, event.on_behalf_of) for event in library.privacy.audit(limit=2)]
    assert told == [("rename", "Bob"), ("undo", "Bob")]


def test_each_thread_has_its_own(library: VoiceStore) -> None:
    """As threads of a web server do, which run in a copy of the request's context."""

    def act(name: str) -> None:
        with library.on_behalf_of(name):
            copy_context().run(_grant, name)

    def _grant(name: str) -> None:
        library.privacy.grant_consent(f"person of {name}", "a form")

    names = [f"user {number}" for number in range(8)]
    with library.on_behalf_of("nobody of these"), ThreadPoolExecutor(8) as threads:
        list(threads.map(act, names))
    acts = {act.subject: act.on_behalf_of for act in library.acts.list(limit=8)}
    assert acts == {f"person of {name}": name for name in names}


def test_an_error_ends_the_block(library: VoiceStore) -> None:
    with pytest.raises(ZeroDivisionError), library.on_behalf_of("Alice"):
        _ = 1 / 0
    _rename(library, 1)
    assert _authors(library) == [None, None]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "must not be empty"),
        (" \t", "must not be empty"),
        ("a" * 10_000, "longer than 500 characters"),
        ("a\0b", "NUL"),
        ("\udc80", "the byte 0x80"),
    ],
)
def test_what_is_no_name(library: VoiceStore, name: str, why: str) -> None:
    with pytest.raises(ValueError, match=why), library.on_behalf_of(name):
        pytest.fail("the block was entered")


@pytest.mark.parametrize(
    "name", ["Zoë 日本", "O'Brien \\ %s %(x)s", "<script>", "x" * 500, "a\nb\x1b[31m"]
)
def test_any_other_name_is_kept_as_it_is(library: VoiceStore, name: str) -> None:
    with library.on_behalf_of(name):
        _rename(library, 1)
    assert _authors(library)[-1] == name
    assert library.privacy.audit(limit=1)[0].on_behalf_of == name


@pytest.mark.parametrize(
    ("setting", "kept"),
    [("repeat('x', 10000)", "x" * 500), ("''", None), ("'  '", None), ("' Eve '", "Eve")],
)
def test_what_anybody_sets_in_sql(library: VoiceStore, setting: str, kept: str | None) -> None:
    """Whoever may act may claim whatever they like, but the database user is who it is."""
    with library.database.engine.begin() as connection:
        connection.execute(text(LONG.format(setting)))
        connection.execute(text("SELECT pgvoice_internal.begin_act('rename', 'ann')"))
        connection.execute(text("UPDATE pgvoice.speaker SET name = 'eve'"))
    act = library.acts.list(limit=1)[0]
    assert (act.author, act.on_behalf_of) == ("postgres", kept)
    event = library.privacy.audit(limit=1)[0]
    assert (event.actor, event.on_behalf_of) == ("postgres", kept)


def test_a_claim_ends_with_its_transaction(library: VoiceStore) -> None:
    with library.on_behalf_of("Alice"):
        run(library.database.engine, "SELECT 1")
    with library.database.engine.connect() as connection:
        assert not connection.scalar(text("SELECT current_setting('pgvoice.author', true)"))


def test_erasing_a_speaker_keeps_who_did_it(library: VoiceStore) -> None:
    """Even if a speaker has the same name."""
    library.people.rename("ann", "Alice")
    with library.on_behalf_of("Alice"):
        library.privacy.grant_consent("bob", "a form")
    library.privacy.erase_speaker("Alice", with_segments=False)
    act = library.acts.list(limit=1)[0]
    assert (act.subject, act.on_behalf_of) == ("bob", "Alice")
