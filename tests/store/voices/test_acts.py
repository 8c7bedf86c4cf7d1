"""Acts: which operations are one, what each has changed, and that no other transaction joins it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from pgvoice_testkit.servers.databases import new_database, plain, run
from pgvoice_testkit.stores.filled import OTHER_ENCODER, X, Y, Z, put, unit
from sqlalchemy import Connection, text

from pgvoice.store import LinkingDisabled, PgvoiceError, VoiceStore
from pgvoice.store.people.portable import PortableSpeaker
from pgvoice.store.voices import acts

Operation = Callable[[VoiceStore], object]


@pytest.fixture(scope="module")
def _people(server_url: str, template: str) -> Iterator[str]:
    """The database of ann with four exemplars, one of them an outlier; of bob, labels, a pin."""
    near, nearer = unit(1, 0.1, 0), unit(1, 0.2, 0)
    with new_database(server_url, template) as url:
        with VoiceStore.open(plain(url)) as store:
            put(store, "v", {(0, 1): X, (1, 2): near, (2, 3): nearer, (3, 4): Z, (4, 5): Y})
            put(store, "w", {(0, 1): Y, (1, 2): X})
            spans = [(0, 1), (1, 2), (2, 3), (3, 4)]
            store.people.enroll_segments("ann", "v", spans, force=True)
            store.people.enroll_segments("bob", "w", [(0, 1)], min_speech=1)
            store.labels.label()
            store.labels.pin("v", (3, 4), "bob")
            forgetting = ("DELETE FROM pgvoice.act_change", "DELETE FROM pgvoice.act")
            run(store.database.engine, *forgetting)
        assert url.database is not None
        yield url.database


@pytest.fixture
def people(server_url: str, _people: str) -> Iterator[VoiceStore]:
    """A copy of that database, with no act yet."""
    with new_database(server_url, _people) as url, VoiceStore.open(plain(url)) as store:
        yield store


def _import(store: VoiceStore) -> None:
    exported = store.people.export_speakers(["bob"], destination="test")
    copies = [PortableSpeaker("bea", each.consents, each.profiles) for each in exported]
    thresholds = {each.identity: each.threshold for each in store.encoders.list()}
    store.people.import_speakers(copies, thresholds, source="test", force=True)


def _label(store: VoiceStore) -> None:
    run(store.database.engine, "DELETE FROM pgvoice.attribution_run")
    store.labels.label(["v"])


def _split(store: VoiceStore, *, dry_run: bool = False) -> None:
    store.people.split("ann", "cyd", exemplars=[4], dry_run=dry_run)


OPERATIONS: dict[str, tuple[Operation, str, dict[str, int]]] = {
    "enroll": (
        lambda store: store.people.enroll_segments("cyd", "v", [(4, 5)], force=True),
        "cyd",
        {"speaker": 1, "enrollment": 1, "profile": 1},
    ),
    "import": (_import, "bea", {"speaker": 1, "enrollment": 1, "profile": 1}),
    "rename": (lambda store: store.people.rename("ann", "anna"), "ann to anna", {"speaker": 1}),
    "merge": (
        lambda store: store.people.merge("bob", "ann", force=True),
        "bob into ann",
        {"speaker": 1, "enrollment": 1, "profile": 2, "attribution": 8, "label": 3, "verdict": 1},
    ),
    "split": (
        _split,
        "ann into cyd",
        {"speaker": 1, "enrollment": 1, "profile": 2, "attribution_run": 1, "label": 4},
    ),
    "remove": (
        lambda store: store.people.remove("bob"),
        "bob",
        {"speaker": 1, "enrollment": 1, "profile": 1, "attribution": 8, "label": 3, "verdict": 1},
    ),
    "drop": (lambda store: store.people.drop("ann", 1), "ann", {"enrollment": 1, "profile": 1}),
    "drop outliers": (
        lambda store: store.people.drop_outliers("ann"),
        "ann",
        {"enrollment": 1, "profile": 1},
    ),
    "label": (
        _label,
        "v",
        {"attribution_run": 1, "label": 5},
    ),
    "revert": (lambda store: store.labels.revert(1), "run 1", {"attribution_run": 1}),
    "pin": (
        lambda store: store.labels.pin("v", (0, 1), None),
        "v",
        {"attribution_run": 1, "label": 1, "verdict": 1},
    ),
    "unpin": (
        lambda store: store.labels.unpin("v", (3, 4)),
        "v",
        {"attribution_run": 1, "verdict": 1},
    ),
    "consent": (
        lambda store: store.privacy.grant_consent("ann", "form"),
        "ann",
        {"consent": 1},
    ),
}


@pytest.mark.parametrize("kind", OPERATIONS)
def test_one_operation_is_one_act(people: VoiceStore, kind: str) -> None:
    operation, subject, changed = OPERATIONS[kind]
    operation(people)
    (act,) = people.acts.list()
    assert (act.kind, act.subject, act.undone_at, act.author) == (kind, subject, None, "postgres")
    counts = {what: rows for what, rows in act.changed.items() if rows}
    assert {what: counts.get(what, 0) for what in changed} == changed
    assert counts.keys() - changed.keys() <= {"consent", "profile", "speaker", "verdict"}


NO_ACTS: dict[str, Operation] = {
    "a dry run of a merge": lambda store: store.people.merge(
        "bob", "ann", force=True, dry_run=True
    ),
    "a dry run of a split": lambda store: _split(store, dry_run=True),
    "a dry run of a drop": lambda store: store.people.drop("ann", 1, dry_run=True),
    "a dry run of labels": lambda store: store.labels.label(["w"], dry_run=True),
    "a dry run of outliers": lambda store: store.people.drop_outliers("ann", dry_run=True),
    "labels that do not change": lambda store: store.labels.relabel(),
    "no exemplars to restore": lambda store: store.people.restore_exemplars("ann"),
    "the same name again": lambda store: store.people.rename("ann", "ann"),
    "a refused merge": lambda store: store.people.merge("bob", "ann"),
    "a fill": lambda store: put(store, "x", {(0, 1): X}, OTHER_ENCODER),
    "a withdrawal": lambda store: store.privacy.withdraw_consent("ann"),
    "an erasure": lambda store: store.privacy.erase_speaker("ann", with_segments=True),
    "a recording that is erased": lambda store: store.privacy.erase_video("v"),
    "linking that is disabled": lambda store: store.voices.link(),
}


@pytest.mark.parametrize("what", NO_ACTS)
def test_what_is_no_act(people: VoiceStore, what: str) -> None:
    with suppress(PgvoiceError, LinkingDisabled):
        NO_ACTS[what](people)
    assert people.acts.list() == []


def _changes(connection: Connection) -> list[tuple[int, str]]:
    rows = connection.execute(text("SELECT act_id, relation FROM pgvoice.act_change"))
    return [tuple(row) for row in rows]


def _rename(connection: Connection, name: str) -> None:
    connection.execute(text("INSERT INTO pgvoice.speaker (name) VALUES (:name)"), {"name": name})


def test_an_act_goes_on_in_its_transaction_alone(people: VoiceStore) -> None:
    with people.database.engine.connect() as connection:
        with connection.begin():
            first = acts.begin(connection, "one", "x")
            assert acts.begin(connection, "two", "y") == first
            _rename(connection, "cyd")
            assert _changes(connection) == [(first, "speaker")]
            values = {"act": str(first)}
            connection.execute(text("SELECT set_config('pgvoice.act', :act, false)"), values)
        with connection.begin():
            _rename(connection, "dan")
            assert len(_changes(connection)) == 1
            second = acts.begin(connection, "two", "y")
            assert second != first
            _rename(connection, "eve")
            assert _changes(connection) == [(first, "speaker"), (second, "speaker")]
        connection.invalidate()


@pytest.mark.parametrize("setting", ["", "x", "-1", "99", "1e3", "9" * 30, "1; DROP"])
def test_a_setting_that_is_no_act(people: VoiceStore, setting: str) -> None:
    with people.database.engine.begin() as connection:
        connection.execute(text("SELECT set_config('pgvoice.act', :act, true)"), {"act": setting})
        _rename(connection, "cyd")
        assert _changes(connection) == []
        assert acts.begin(connection, "one", "x") > 0
        _rename(connection, "dan")
        assert len(_changes(connection)) == 1


def test_a_savepoint_takes_its_act_back(people: VoiceStore) -> None:
    with people.database.engine.begin() as connection:
        with connection.begin_nested() as savepoint:
            acts.begin(connection, "one", "x")
            _rename(connection, "cyd")
            savepoint.rollback()
        _rename(connection, "cyd")
        assert _changes(connection) == []
        with connection.begin_nested():
            number = acts.begin(connection, "two", "y")
        _rename(connection, "dan")
        assert _changes(connection) == [(number, "speaker")]
    assert [act.kind for act in people.acts.list()] == ["two"]


def test_rows_are_kept_exactly(people: VoiceStore) -> None:
    """Vectors, times and numbers read back as they were, whatever the session's settings."""
    with people.database.engine.begin() as connection:
        for setting in ("extra_float_digits = -15", "timezone = 'Asia/Kathmandu'"):
            connection.execute(text(f"SET LOCAL {setting}"))
        # valid_until becomes -infinity, which JSON has no number for.
        connection.execute(text("UPDATE pgvoice.setting SET consent_required = true"))
        acts.begin(connection, "one", "x")
        connection.execute(text("UPDATE pgvoice.profile SET exemplars = exemplars + 1"))
        same = connection.execute(
            text(
                "SELECT jsonb_populate_record(CAST(NULL AS pgvoice.profile), c.new) = p,"
                " CAST(p.valid_until AS text)"
                " FROM pgvoice.act_change c JOIN pgvoice.profile p"
                " ON p.speaker_id = CAST(c.key ->> 'speaker_id' AS bigint)"
            )
        ).all()
    assert same == [(True, "-infinity")] * 2


def test_a_list_ends_where_it_is_told(people: VoiceStore) -> None:
    for number in range(3):
        people.privacy.grant_consent("ann", f"form {number}")
    newest, *_, oldest = (act.number for act in people.acts.list())
    assert [act.number for act in people.acts.list(limit=1)] == [newest]
    assert newest > oldest
