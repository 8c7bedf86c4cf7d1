"""``VoiceStore.acts``: what people did, and undoing it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import psycopg
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from pgvoice.store.database import locks
from pgvoice.store.database.connection import Database
from pgvoice.store.database.failures import NO_DATA_FOUND, first_line, sqlstate
from pgvoice.store.errors import ActNotUndoable, UnknownAct
from pgvoice.store.names import is_text
from pgvoice.store.privacy import consents

#: The SQLSTATE with which `pgvoice.undo` refuses.
_NOT_UNDOABLE = "PV020"
#: The largest ``bigint`` of Postgres.
_LARGEST = (1 << 63) - 1
_BEGIN = text("SELECT pgvoice_internal.begin_act(:kind, :subject, CAST(:details AS jsonb))")
_LIST = text(
    "SELECT id, created_at, author, on_behalf_of, kind, subject, details, changed, undone_at,"
    " undone_by, undone_on_behalf_of, final_because FROM pgvoice.act"
    " WHERE CAST(:before AS bigint) IS NULL OR id < :before ORDER BY id DESC LIMIT :limit"
)
#: Counts now what is otherwise counted when the transaction ends.
_COUNT = text("SET CONSTRAINTS pgvoice.act_finished IMMEDIATE")
_CHANGED = text("SELECT changed FROM pgvoice.act WHERE id = :number")
_UNDO = text("SELECT * FROM pgvoice.undo(:number, :dry_run) ORDER BY what")


@dataclass(frozen=True, slots=True)
class Act:
    """What a person did in one step."""

    number: int
    at: datetime
    #: The database user,
    author: str
    #: and for whom that user said that it was done (`VoiceStore.on_behalf_of`); nobody checked it.
    on_behalf_of: str | None
    #: For example ``enroll``, ``merge`` or ``name``.
    kind: str
    #: Whom or what it was done to.
    subject: str
    details: Mapping[str, object]
    #: How many rows of each table changed; ``label`` counts labels.
    changed: Mapping[str, int]
    undone_at: datetime | None
    undone_by: str | None
    undone_on_behalf_of: str | None
    #: Why it cannot be undone any more; None if it can, or is undone.
    final_because: str | None


@dataclass(frozen=True, slots=True)
class Undone:
    """An act that was undone, or would be."""

    number: int
    kind: str
    subject: str
    #: How many rows of each table became what they were.
    restored: Mapping[str, int]
    #: How many did not, because they were erased, or changed by what is no act.
    left_out: Mapping[str, int]


class Acts:
    """What people did, and undoing it; for admins."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self, *, limit: int | None = None, before: int | None = None) -> list[Act]:
        """The acts, or so many of them, the newest first; also those that were undone.

        `before` is the number of an act: only older ones.
        """
        values = {"limit": limit, "before": before}
        with self._database.engine.connect() as connection:
            return [Act(*row) for row in connection.execute(_LIST, values)]

    def undo(self, number: int | None = None, *, dry_run: bool = False) -> Undone:
        """Undo an act, or the newest one that can be: what it changed becomes what it was.

        `dry_run` changes nothing. Raises `UnknownAct`, and `ActNotUndoable` if a later act depends
        on it, if it was undone already, or if what it changed is not kept any more.
        """
        if number is not None and not 0 < number <= _LARGEST:
            raise UnknownAct(number)
        with (
            _refusals(number),
            self._database.engine.begin() as connection,
            locks.patient(connection, "undoing", locks.PATIENCE),
        ):
            rows = connection.execute(_UNDO, {"number": number, "dry_run": dry_run}).all()
        restored = {row.what: row.restored for row in rows if row.restored}
        left_out = {row.what: row.left_out for row in rows if row.left_out}
        return Undone(rows[0].act, rows[0].kind, rows[0].subject, restored, left_out)


def changed(connection: Connection, number: int) -> Mapping[str, int]:
    """How many rows of each table an act has changed so far, at the end of its transaction."""
    connection.execute(_COUNT)
    found: Mapping[str, int] | None = connection.scalar(_CHANGED, {"number": number})
    return found or {}


def begin(connection: Connection, kind: str, subject: str, **details: object) -> int:
    """Begin an act, which lasts until the transaction ends; one that has begun goes on.

    What Postgres cannot store of a name is spelled out: the operation itself refuses the name.
    """
    shown = {name: _storable(value) for name, value in details.items()}
    values = {"kind": kind, "subject": _storable(subject), "details": json.dumps(shown)}
    number: int = connection.scalar(_BEGIN, values)
    return number


def _storable(value: object) -> object:
    if isinstance(value, str):
        return value if is_text(value) else ascii(value)
    return [_storable(each) for each in value] if isinstance(value, list) else value


@contextmanager
def _refusals(number: int | None) -> Iterator[None]:
    """Turn refusals into our errors, those of triggers too."""
    try:
        with consents.refusals("somebody whom this act changed"):
            yield
    except DBAPIError as error:
        if sqlstate(error) == NO_DATA_FOUND and number is not None:
            raise UnknownAct(number) from None
        if sqlstate(error) != _NOT_UNDOABLE or not isinstance(error.orig, psycopg.Error):
            raise
        hint = (error.orig.diag.message_hint or "").removesuffix(".")
        message = first_line(error.orig)
        told = f"{message}: {hint[0].lower()}{hint[1:]}" if hint else message
        raise ActNotUndoable(told) from None
