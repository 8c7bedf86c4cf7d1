"""Undo: rows become what they were, unless a later act or an erasure stands in the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from pgvoice_testkit.servers.databases import new_database, plain, run
from pgvoice_testkit.stores.filled import ENCODER, OTHER_ENCODER, X, Y, Z, put, unit
from pgvoice_testkit.stores.random_acts import problems, sums
from sqlalchemy import text

from pgvoice.store import ActNotUndoable, Consent, OptedOut, UnknownAct, VoiceStore

Operation = Callable[[VoiceStore], object]
CONSENT = Consent("bob himself", expires_at=datetime(2040, 2, 29, 12, tzinfo=UTC))


@pytest.fixture(scope="module")
def _people(server_url: str, template: str) -> Iterator[str]:
    """The database of ann, enrolled with two encoders, and bob, who agreed; of labels and a pin."""
    with new_database(server_url, template) as url:
        with VoiceStore.open(plain(url)) as store:
            put(store, "v", {(0, 1): X, (1, 2): unit(1, 0.1, 0), (2, 3): unit(1, 0.2, 0),
                             (3, 4): Z, (4, 5): Y})  # fmt: skip
            put(store, "w", {(0, 1): Y, (1, 2): X})
            put(store, "v", {(0, 1): Z, (1, 2): unit(0.1, 0, 1)}, OTHER_ENCODER)
            spans = [(0, 1), (1, 2), (2, 3), (3, 4)]
            store.people.enroll_segments("ann", "v", spans, ENCODER, force=True)
            store.people.enroll_segments("ann", "v", spans[:2], OTHER_ENCODER)
            store.people.enroll_segments(
                "bob", "w", [(0, 1)], ENCODER, min_speech=1, consent=CONSENT
            )
            store.labels.label(encoder=ENCODER)
            store.labels.pin("v", (3, 4), "bob", encoder=ENCODER)
        assert url.database is not None
        yield url.database


@pytest.fixture(scope="module")
def restored(_people: str, server_url: str) -> Iterator[VoiceStore]:
    """A copy of that database that each test leaves as it was, as it undoes everything."""
    with new_database(server_url, _people) as url, VoiceStore.open(plain(url)) as store:
        yield store


@pytest.fixture
def people(server_url: str, _people: str) -> Iterator[VoiceStore]:
    """A copy of that database."""
    with new_database(server_url, _people) as url, VoiceStore.open(plain(url)) as store:
        yield store


def _unexclude(store: VoiceStore) -> None:
    store.people.drop_outliers("ann", encoder=ENCODER)
    store.people.restore_exemplars("ann", encoder=ENCODER)


OPERATIONS: dict[str, Operation] = {
    "enroll": lambda store: store.people.enroll_segments("ann", "v", [(4, 5)], ENCODER, force=True),
    "enroll somebody new": lambda store: store.people.enroll_segments(
        "cyd", "v", [(0, 1)], ENCODER, consent="form", force=True
    ),
    "rename": lambda store: store.people.rename("bob", "Bob"),
    "merge into who agreed": lambda store: store.people.merge("ann", "bob", force=True),
    "split by recording": lambda store: store.people.split("ann", "bob", exemplars=[1], force=True),
    "split to somebody new": lambda store: store.people.split("ann", "cyd", exemplars=[4]),
    "remove who agreed": lambda store: store.people.remove("bob"),
    "remove of two encoders": lambda store: store.people.remove("ann"),
    "drop": lambda store: store.people.drop("ann", 1),
    "drop outliers": lambda store: store.people.drop_outliers("ann", encoder=ENCODER),
    "restore": _unexclude,
    "consent": lambda store: store.privacy.grant_consent("ann", "form"),
    "consent of somebody new": lambda store: store.privacy.grant_consent("cyd", "form"),
    "pin": lambda store: store.labels.pin("v", (0, 1), None, encoder=ENCODER),
    "pin again": lambda store: store.labels.pin("v", (3, 4), "ann", encoder=ENCODER),
    "unpin": lambda store: store.labels.unpin("v", (3, 4), encoder=ENCODER),
    "revert": lambda store: store.labels.revert(1),
    "label": lambda store: store.labels.label(encoder=ENCODER, threshold=0.99),
}


@pytest.mark.parametrize("what", OPERATIONS)
def test_everything_is_as_before(restored: VoiceStore, what: str) -> None:
    before, last = sums(restored), restored.acts.list()[0].number
    OPERATIONS[what](restored)
    new = [act.number for act in restored.acts.list() if act.number > last]
    after = sums(restored)
    assert after != before
    for _ in new:
        rehearsed = restored.acts.undo(dry_run=True)
        assert sums(restored) == after
        undone = restored.acts.undo()
        assert undone == rehearsed
        assert (undone.number in new, undone.left_out) == (True, {})
        after = sums(restored)
    assert after == before
    assert problems(restored) == []


def test_an_act_is_undone_once(people: VoiceStore) -> None:
    people.people.rename("ann", "anna")
    number = people.acts.undo().number
    (act,) = [act for act in people.acts.list() if act.number == number]
    assert act.undone_at is not None
    assert act.undone_by == "postgres"
    with pytest.raises(ActNotUndoable, match=rf"act {number} \(rename ann to anna\) was undone"):
        people.acts.undo(number)
    with people.database.engine.connect() as connection:
        kept = connection.scalar(
            text("SELECT count(*) FROM pgvoice.act_change WHERE act_id = :act"), {"act": number}
        )
    assert kept == 0


@pytest.mark.parametrize("number", [0, -1, 99, 1 << 40, 1 << 70])
def test_an_act_that_is_not_there(people: VoiceStore, number: int) -> None:
    with pytest.raises(UnknownAct, match="`pgvoice acts` lists them"):
        people.acts.undo(number)


def test_the_newest_that_is_left(people: VoiceStore) -> None:
    numbers = [act.number for act in people.acts.list()]
    assert [people.acts.undo().number for _ in numbers] == numbers
    with pytest.raises(ActNotUndoable, match="no act to undo"):
        people.acts.undo()
    assert people.people.speakers() == []


LATER: dict[str, tuple[Operation, Operation, str]] = {
    "the same row": (
        lambda store: store.people.rename("ann", "anna"),
        lambda store: store.people.rename("anna", "Anna"),
        r"\(rename ann to anna\) cannot be undone before act \d+ \(rename anna to Anna\)",
    ),
    "a row that is gone": (
        lambda store: store.people.rename("ann", "anna"),
        lambda store: store.people.remove("anna"),
        r"before act \d+ \(remove anna\), which depends on it: run `pgvoice undo \d+` first",
    ),
    "a label": (
        lambda store: store.people.enroll_segments("cyd", "v", [(3, 4)], ENCODER, force=True),
        lambda store: store.labels.pin("v", (0, 1), "cyd", encoder=ENCODER),
        r"\(enroll cyd\) cannot be undone before act \d+ \(pin v cyd\)",
    ),
    "a consent": (
        lambda store: store.privacy.grant_consent("cyd", "form"),
        lambda store: store.people.enroll_segments("cyd", "v", [(3, 4)], ENCODER, force=True),
        r"\(consent cyd\) cannot be undone before act \d+ \(enroll cyd\)",
    ),
    "a name that is taken": (
        lambda store: store.people.remove("ann"),
        lambda store: store.people.rename("bob", "ann"),
        r"\(remove ann\) cannot be undone before act \d+ \(rename bob to ann\)",
    ),
    "a run": (
        lambda store: store.labels.pin("v", (0, 1), "bob", encoder=ENCODER),
        lambda store: store.labels.unpin("v", (0, 1), encoder=ENCODER),
        r"\(pin v bob\) cannot be undone before act \d+ \(unpin v\)",
    ),
}


@pytest.mark.parametrize("what", LATER)
def test_what_depends_on_an_act_is_undone_first(restored: VoiceStore, what: str) -> None:
    first, second, message = LATER[what]
    before = sums(restored)
    first(restored)
    number = restored.acts.list()[0].number
    second(restored)
    with pytest.raises(ActNotUndoable, match=message):
        restored.acts.undo(number)
    restored.acts.undo()
    restored.acts.undo(number)
    assert sums(restored) == before


def test_what_does_not_depend_on_an_act_stays(people: VoiceStore) -> None:
    people.people.rename("ann", "anna")
    renamed = people.acts.list()[0].number
    people.people.enroll_segments("anna", "v", [(4, 5)], ENCODER, force=True)
    people.privacy.grant_consent("anna", "form")
    people.acts.undo(renamed)
    assert {each.speaker for each in people.people.speakers()} == {"ann", "bob"}
    assert len(people.people.exemplars("ann")) == 5
    assert len(people.people.exemplars("ann", encoder=OTHER_ENCODER)) == 2
    assert problems(people) == []


def test_an_older_run_leaves_the_newer_labels(people: VoiceStore) -> None:
    label = [act.number for act in people.acts.list() if act.kind == "label"]
    people.acts.undo(*label)
    assert [(each.start, each.speaker) for each in people.labels.current("v")] == [(3, "bob")]
    assert people.labels.current("w") == []


def test_a_name_that_somebody_else_has_without_an_act(people: VoiceStore) -> None:
    people.people.remove("ann")
    run(people.database.engine, "UPDATE pgvoice.speaker SET name = 'ann'")
    with pytest.raises(ActNotUndoable, match="another 'ann'"):
        people.acts.undo()


def test_what_was_changed_by_no_act_stays(people: VoiceStore) -> None:
    people.people.rename("ann", "anna")
    run(people.database.engine, "UPDATE pgvoice.speaker SET name = 'eve' WHERE name = 'anna'")
    undone = people.acts.undo()
    assert (undone.restored, undone.left_out) == ({}, {"speaker": 1})
    assert {each.speaker for each in people.people.speakers()} == {"eve", "bob"}


def test_no_voiceprint_without_a_consent(people: VoiceStore) -> None:
    """What ended meanwhile is not brought back; everything else is."""
    people.people.remove("ann")
    people.privacy.require_consent()
    undone = people.acts.undo()
    assert undone.left_out == {"enrollment": 6, "profile": 2}
    assert people.people.exemplars("ann") == []
    assert [each.speaker for each in people.labels.current("w")] == ["bob", "ann"]
    assert problems(people) == []


def test_nobody_who_opted_out(people: VoiceStore) -> None:
    people.people.drop("ann", 1)
    people.people.remove("bob")
    opted_out = (
        "SELECT pgvoice_internal.opt_out(id, true) FROM pgvoice.speaker WHERE name = 'ann'",
        "INSERT INTO pgvoice.opt_out (name_hash) SELECT pgvoice_internal.name_hash('bob')",
    )
    run(people.database.engine, *opted_out)
    before = sums(people)
    for act in people.acts.list()[:2]:
        with pytest.raises(OptedOut):
            people.acts.undo(act.number)
    assert sums(people) == before


def test_no_speech_that_was_erased(people: VoiceStore) -> None:
    people.people.split("ann", "cyd", exemplars=[4])
    people.privacy.erase_speaker("cyd", with_segments=True)
    for act in people.acts.list():
        if act.final_because is not None or act.undone_at is not None:
            with pytest.raises(ActNotUndoable, match="was erased"):
                people.acts.undo(act.number)
    assert {each.speaker for each in people.people.speakers()} == {"ann", "bob"}
    assert problems(people) == []


def test_a_consent_that_ended_an_erasure_stays(people: VoiceStore) -> None:
    people.privacy.erase_speaker("ann", with_segments=True)
    later = datetime.now(UTC) + timedelta(minutes=1)
    people.privacy.grant_consent("ann", Consent("ann", evidence="new", granted_at=later))
    with pytest.raises(ActNotUndoable, match="it ended an erasure: withdraw the consent instead"):
        people.acts.undo()


def test_a_consent_is_deleted_by_its_undo_alone(people: VoiceStore) -> None:
    people.privacy.grant_consent("ann", "form")
    people.acts.undo()
    with pytest.raises(Exception, match="a consent is not deleted before the speaker is"):
        run(people.database.engine, "DELETE FROM pgvoice.consent")


def test_an_undo_waits_for_no_open_act(people: VoiceStore) -> None:
    """In one transaction an act can be undone, and another one begun."""
    before = sums(people)
    statements = (
        "SELECT pgvoice_internal.begin_act('rename', 'ann')",
        "UPDATE pgvoice.speaker SET name = 'anna' WHERE name = 'ann'",
        "SELECT * FROM pgvoice.undo()",
    )
    run(people.database.engine, *statements)
    assert sums(people) == before
