"""The audit trail: what writes it, and what edits it is found by."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from pgvoice_testkit.servers.databases import engine_of, new_database, plain, run
from pgvoice_testkit.stores.filled import X, Y, Z, put
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from pgvoice.store import VoiceStore

EVENT = "(SELECT max(id) - 1 FROM pgvoice.audit_event)"


@pytest.fixture
def library(store: VoiceStore) -> VoiceStore:
    """Four events, of ann and of bob."""
    put(store, "v", {(0, 1): X, (1, 2): Y, (2, 3): Z})
    store.people.enroll_segments("ann", "v", [(0, 1)], consent="form 1", min_speech=1)
    store.people.enroll_segments("bob", "v", [(1, 2)], consent="form 2", min_speech=1)
    return store


def _told(store: VoiceStore) -> list[tuple[str, str]]:
    return [(event.action, event.subject) for event in store.privacy.audit()][::-1]


def _trail(store: VoiceStore, *, head: str | None = None) -> int:
    checks = store.upkeep.verify(audit_head=head)
    return sum(each.problems for each in checks if each.what.startswith("audit trail"))


# What an admin's plain statements leave


@pytest.mark.parametrize(
    ("statement", "events"),
    [
        ("UPDATE pgvoice.speaker SET name = 'eve' WHERE id = 1", [("rename", "ann")]),
        ("DELETE FROM pgvoice.speaker WHERE id = 1", [("remove", "ann")]),
        (
            "INSERT INTO pgvoice.enrollment (speaker_id, encoder_id, dimension, embedding,"
            " start_ms, end_ms, audio_sha256, source)"
            " VALUES (1, 1, 3, '[1,0,0]', 5, 6, 'x', 'psql'), (1, 1, 3, '[1,0,0]', 7, 8, 'x', 'y')",
            [("enroll", "ann")],
        ),
        (
            "UPDATE pgvoice.enrollment SET embedding = '[0,0,1]' WHERE speaker_id = 1",
            [("change exemplars", "ann")],
        ),
        (
            "UPDATE pgvoice.enrollment SET speaker_id = {bob} WHERE speaker_id = 1",
            [("move exemplars", "ann")],
        ),
        (
            "UPDATE pgvoice.enrollment SET excluded = true",
            [("leave out exemplars", "ann"), ("leave out exemplars", "bob")],
        ),
        (
            "DELETE FROM pgvoice.enrollment",
            [("delete exemplars", "ann"), ("delete exemplars", "bob")],
        ),
        (
            "UPDATE pgvoice.profile SET embedding = '[0,0,1]' WHERE speaker_id = 1",
            [("change profile", "ann")],
        ),
        ("DELETE FROM pgvoice.profile WHERE speaker_id = {bob}", [("delete profile", "bob")]),
        (
            "INSERT INTO pgvoice.consent (speaker_id, granted_by, purpose)"
            " VALUES ({bob}, 'x', 'y')",
            [("consent", "bob")],
        ),
        (
            "UPDATE pgvoice.consent SET withdrawn_at = now() WHERE speaker_id = {bob}",
            [("withdraw consent", "bob")],
        ),
        (
            "UPDATE pgvoice.setting SET consent_required = NOT consent_required",
            [("require consent", "the store")],
        ),
        (
            "UPDATE pgvoice.encoder SET default_threshold = 0.1",
            [("change threshold", "toy@sha256:0123456789ab")],
        ),
        (
            "INSERT INTO pgvoice.opt_out (name_hash) VALUES ('x')",
            [("opt out", "opt-out 1")],
        ),
        ("DELETE FROM pgvoice.segment_embedding WHERE end_ms = 1000", [("delete segments", "v")]),
        (
            "UPDATE pgvoice.segment_embedding SET embedding = NULL, status = 'erased'",
            [("erase segments", "v")],
        ),
        ("DELETE FROM pgvoice.video", [("delete recording", "v")]),
        (
            "INSERT INTO pgvoice.calibration (encoder_id, target_far, band_ms, thresholds, margins,"
            " gallery, labels_from, measured, active)"
            " VALUES (1, 0.01, '{0}', '{0.4}', '{0}', 4, 'x', '{}', true)",
            [("calibrate", "toy@sha256:0123456789ab")],
        ),
    ],
)
def test_a_plain_statement_leaves_an_event(
    library: VoiceStore, statement: str, events: Sequence[tuple[str, str]]
) -> None:
    before = len(_told(library))
    bob = "(SELECT id FROM pgvoice.speaker WHERE name = 'bob')"
    run(library.database.engine, statement.replace("{bob}", bob))
    assert _told(library)[before:] == events
    assert _trail(library) == 0


def test_fills_and_labels_leave_no_noise(library: VoiceStore) -> None:
    before = len(_told(library))
    put(library, "w", {(0, 1): X})
    library.labels.label()
    assert _told(library)[before:] == [("label", "all videos")]


def test_an_admin_cannot_write_the_trail(library: VoiceStore) -> None:
    with library.database.engine.connect() as connection:
        rights = connection.execute(
            text(
                "SELECT t, p FROM unnest(ARRAY['audit_event', 'audit_link', 'audit_head']) AS t,"
                " unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) AS p"
                " WHERE has_any_column_privilege('pgvoice_admin', 'pgvoice.' || t,"
                " 'INSERT, UPDATE')"
                " OR has_table_privilege('pgvoice_admin', 'pgvoice.' || t, p)"
            )
        ).all()
    assert rights == []


# What the owner edits

EDIT = "ALTER TABLE pgvoice.{} DISABLE TRIGGER USER"
BACK = "ALTER TABLE pgvoice.{} ENABLE TRIGGER USER"


@pytest.mark.parametrize(
    "edits",
    [
        [f"UPDATE pgvoice.audit_event SET subject = 'eve' WHERE id = {EVENT}"],
        [f"UPDATE pgvoice.audit_event SET details = '{{}}' WHERE id = {EVENT}"],
        [f"UPDATE pgvoice.audit_event SET at = at + interval '1 us' WHERE id = {EVENT}"],
        [f"DELETE FROM pgvoice.audit_event WHERE id = {EVENT}"],
        [
            f"DELETE FROM pgvoice.audit_link WHERE event_id = {EVENT}",
            f"DELETE FROM pgvoice.audit_event WHERE id = {EVENT}",
        ],
        [
            "DELETE FROM pgvoice.audit_link WHERE place > 2",
            "DELETE FROM pgvoice.audit_event WHERE id NOT IN"
            " (SELECT event_id FROM pgvoice.audit_link)",
        ],
        ["DELETE FROM pgvoice.audit_link", "DELETE FROM pgvoice.audit_event"],
        [
            "INSERT INTO pgvoice.audit_event (at, action, subject)"
            " VALUES (now() - interval '1 day', 'x', 'y')"
        ],
        ["DELETE FROM pgvoice.audit_head"],
    ],
    ids=[
        "subject",
        "details",
        "time",
        "an event",
        "an event with its link",
        "the tail",
        "everything",
        "an event put in",
        "the head",
    ],
)
def test_an_edit_is_found(library: VoiceStore, edits: list[str]) -> None:
    tables = ("audit_event", "audit_link")
    run(
        library.database.engine,
        *map(EDIT.format, tables),
        *edits,
        *map(BACK.format, tables),
    )
    assert _trail(library) > 0
    library.privacy.require_consent()
    assert _trail(library) > 0


REWRITE = """
DO $$
DECLARE
    event pgvoice.audit_event;
    last bytea := sha256('');
    number bigint := 0;
BEGIN
    DELETE FROM pgvoice.audit_link;
    FOR event IN SELECT * FROM pgvoice.audit_event ORDER BY id LOOP
        last := pgvoice_internal.event_hash(last, event);
        number := number + 1;
        INSERT INTO pgvoice.audit_link VALUES (number, event.id, last);
    END LOOP;
    UPDATE pgvoice.audit_head SET place = number, hash = last;
END $$
"""


def test_a_trail_that_is_written_anew_is_found_by_a_noted_hash(library: VoiceStore) -> None:
    noted = library.privacy.audit_head()
    library.privacy.require_consent()
    assert noted is not None
    assert _trail(library, head=noted) == 0
    tables = ("audit_event", "audit_link")
    run(
        library.database.engine,
        *map(EDIT.format, tables),
        f"DELETE FROM pgvoice.audit_event WHERE id = {EVENT}",
        REWRITE,
        *map(BACK.format, tables),
    )
    assert (_trail(library), _trail(library, head=noted)) == (0, 1)


def test_the_hashes_do_not_depend_on_the_session(library: VoiceStore) -> None:
    with library.database.engine.connect() as connection:
        for setting in (
            "SET timezone = 'Asia/Kathmandu'",
            "SET datestyle = 'German'",
            "SET extra_float_digits = -10",
            "SET bytea_output = 'escape'",
            "SET intervalstyle = 'iso_8601'",
        ):
            connection.execute(text(setting))
            broken = text("SELECT count(*) FROM pgvoice_internal.audit_breaks() WHERE broken")
            assert connection.scalar(broken) == 0


def test_events_at_once_make_one_chain(library: VoiceStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: library.privacy.grant_consent("ann", f"form {n}"), range(24)))
    assert _trail(library) == 0
    assert len(_told(library)) == 28


def test_what_is_rolled_back_leaves_no_gap(library: VoiceStore) -> None:
    with library.database.engine.connect() as connection:
        connection.execute(text("UPDATE pgvoice.speaker SET name = name || '!'"))
        connection.rollback()
    library.privacy.require_consent()
    assert _trail(library) == 0


def test_a_copy_has_the_chain(library: VoiceStore, server_url: str, template: str) -> None:
    head = library.privacy.audit_head()
    with new_database(server_url, template) as url:
        library.upkeep.copy_to(plain(url))
        with VoiceStore.open(plain(url)) as copy:
            assert _trail(copy, head=head) == 0
            copy.privacy.require_consent()
            assert _trail(copy, head=head) == 0


def test_it_stays_append_only(library: VoiceStore) -> None:
    with engine_of(library.database.engine.url) as engine:
        for table in ("audit_event", "audit_link"):
            for change in (f"DELETE FROM pgvoice.{table}", f"TRUNCATE pgvoice.{table}"):
                with pytest.raises(DBAPIError, match="append-only"):
                    run(engine, change)
