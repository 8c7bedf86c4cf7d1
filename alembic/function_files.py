"""Apply the SQL functions, triggers and views in ``functions/`` to a database, or drop them.

A file consists of statements that begin with CREATE or COMMENT in the first column; no other line
begins like that. ``public.`` in a file stands for the schema of pgvector, and for nothing else.
Everything of pgvector's is named with it, because the functions' search path does not include that
schema: others may own it, and create functions and operators in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
from psycopg.errors import InvalidFunctionDefinition, InvalidTableDefinition
from sqlalchemy import Connection, text

from pgvoice.store.database.preparing import vector_schema
from pgvoice.store.database.schema import functions_digest
from pgvoice.store.database.sessions import driver_connection
from pgvoice.store.models import INTERNAL_SCHEMA, SCHEMA

FOLDER = Path(__file__).parent / "functions"
#: What definers carry, besides what the files say.
GUARDS = Path(__file__).parent / "guards.sql"
#: The files in the order in which they run. The order matters only for names that Postgres looks up
#: at creation: in argument defaults, in bodies with BEGIN ATOMIC or RETURN, in views and triggers.
FILES = (
    "basics",
    "consents",
    "imports",
    "library",
    "reasons",
    "thresholds",
    "turns",
    "overlap",
    "voices",
    "cohorts",
    "tails",
    "words",
    "acts",
    "restoring",
    "later_acts",
    "undo",
    "grouping",
    "linkage",
    "joining",
    "joined_labels",
    "groups",
    "regrouping",
    "mending",
    "linking",
    "carrying_voices",
    "following_links",
    "link_settings",
    "encoders",
    "unknown_voices",
    "suggestions",
    "reviewing",
    "cards",
    "voice_exemplars",
    "voice_acts",
    "same_voices",
    "naming",
    "identify",
    "one_name",
    "clusters",
    "appearances",
    "index",
    "similar",
    "comparisons",
    "nearest",
    "verdicts",
    "moves",
    "keeping",
    "labels",
    "pinned_labels",
    "pins",
    "typed_spans",
    "profiles",
    "enrollment",
    "carrying",
    "twins",
    "dropping_acts",
    "dropping",
    "people",
    "person",
    "scores",
    "clean_speech",
    "calibration",
    "comparing",
    "names",
    "spans",
    "erasure",
    "hearing",
    "expiry",
    "forgetting",
    "allowing",
    "audit",
    "audit_events",
    "audit_settings",
    "events",
    "recordings",
    "summaries",
    "searching",
    "statistics",
    "checks",
    "link_checks",
    "verify",
)
#: The search path of the functions.
SEARCH_PATH = f"pg_catalog, {SCHEMA}, pg_temp"
_START = re.compile(r"^(?=(?:CREATE|COMMENT) )", re.MULTILINE)
_DROP = re.compile(r"DROP FUNCTION .+\)")
_VECTOR_SCHEMA = re.compile(r"\bpublic\.")
_VIEW = re.compile(r"CREATE OR REPLACE (VIEW \S+)")
#: Postgres replaces no constraint trigger in place.
_CONSTRAINT_TRIGGER = re.compile(r"CREATE CONSTRAINT TRIGGER (\S+)\s.*?\s(ON \S+)", re.DOTALL)
_SCHEMAS = {"schemas": [SCHEMA, INTERNAL_SCHEMA]}
#: Leaves out the functions of an extension in our schema.
_OWN = (
    " FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
    " WHERE n.nspname = ANY (CAST(:schemas AS text[])) AND p.prokind IN ('f', 'p') AND NOT EXISTS"
    " (SELECT FROM pg_depend d WHERE d.classid = CAST('pg_proc' AS regclass) AND d.objid = p.oid"
    " AND d.deptype = 'e')"
)
_ROUTINES = text(
    "SELECT format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)),"
    f" CAST(p.xmin AS text), CAST(p.ctid AS text){_OWN}"
)
_DEPENDENTS = text(
    "SELECT format('DROP TRIGGER %I ON %s', t.tgname, CAST(t.tgrelid AS regclass))"  # noqa: S608 - of our own parts
    " FROM pg_trigger t WHERE t.tgparentid = 0 AND NOT t.tgisinternal"
    f" AND t.tgfoid IN (SELECT p.oid{_OWN}) UNION ALL"
    " SELECT format('DROP VIEW %s', CAST(c.oid AS regclass)) FROM pg_class c"
    f" WHERE c.relkind = 'v' AND c.relnamespace = CAST('{SCHEMA}' AS regnamespace)"
)


def statements(sql: str) -> list[str]:
    """The statements of a file, in order; leaves out the comment before the first one."""
    return _START.split(sql)[1:]


def read() -> Iterator[str]:
    """The statements of all files, in the order in which they run."""
    for name in FILES:
        yield from statements((FOLDER / f"{name}.sql").read_text(encoding="utf-8"))


def apply(connection: Connection) -> None:
    """Create or replace everything in the files, and drop functions that no file defines any more.

    If a row of pg_proc is the same afterwards, including its ctid and xmin, then no file defines
    that function. Raises psycopg's error if another object depends on a function to drop. Comments
    run late because they may name a function without arguments once older variants are dropped.
    At the end all definers get the settings in ``guards.sql``, none excepted.
    """
    connection.execute(text("SET LOCAL check_function_bodies = off"))
    connection.execute(text(f"SET LOCAL search_path = {SEARCH_PATH}"))
    before, driver = _routines(connection), driver_connection(connection)
    vectors = vector_schema(connection)
    everything = [_VECTOR_SCHEMA.sub(lambda _: f"{vectors}.", statement) for statement in read()]
    for statement in everything:
        if not _is_comment(statement):
            _replace(driver, statement)
    _drop_routines(connection, before & _routines(connection))
    for statement in filter(_is_comment, everything):
        driver.execute(statement.encode())
    driver.execute(GUARDS.read_bytes())
    connection.execute(
        text("UPDATE pgvoice.setting SET functions = :digest"), {"digest": functions_digest()}
    )


def drop(connection: Connection) -> None:
    """Drop every function, and the triggers and views that use them."""
    for statement in connection.scalars(_DEPENDENTS, _SCHEMAS).all():
        connection.execute(text(statement))
    _drop_routines(connection, _routines(connection))


def _routines(connection: Connection) -> set[tuple[str, str, str]]:
    return {(name, xmin, ctid) for name, xmin, ctid in connection.execute(_ROUTINES, _SCHEMAS)}


def _drop_routines(connection: Connection, routines: set[tuple[str, str, str]]) -> None:
    """Drop them in one statement, as some depend on others."""
    if routines:
        names = ", ".join(sorted(name for name, _, _ in routines))
        driver_connection(connection).execute(f"DROP ROUTINE {names}".encode())


def _is_comment(statement: str) -> bool:
    return statement.startswith("COMMENT ")


def _replace(connection: psycopg.Connection[object], statement: str) -> None:
    """Create or replace one object; drop it first if Postgres cannot replace it in place."""
    if trigger := _CONSTRAINT_TRIGGER.match(statement):
        connection.execute(f"DROP TRIGGER IF EXISTS {trigger[1]} {trigger[2]}".encode())
    try:
        with connection.transaction():
            connection.execute(statement.encode())
    except (InvalidFunctionDefinition, InvalidTableDefinition) as error:
        dropping = _dropping(statement, error)
        if dropping is None:
            raise
        connection.execute(dropping.encode())
        connection.execute(statement.encode())


def _dropping(statement: str, error: psycopg.Error) -> str | None:
    """The statement that drops the old object; for a function, Postgres' hint has the arguments."""
    if view := _VIEW.match(statement):
        return f"DROP {view[1]}"
    hint = _DROP.search(error.diag.message_hint or "")
    return hint and hint[0]
