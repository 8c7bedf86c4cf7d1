"""Sums up a store's tables, copies them into another database, and compares the copy.

It works like a dump that is piped into a restore: one snapshot of the source, one transaction in
the target, and only a few rows in memory. The versions of Postgres and pgvector may differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from itertools import chain, islice

from psycopg import Copy
from sqlalchemy import Connection, Table, delete, func, inspect, select, text, update

from pgvoice.store.database import failures, schema
from pgvoice.store.database.connection import Database
from pgvoice.store.database.schema import SchemaState
from pgvoice.store.errors import CopyDiffers, TargetInUse
from pgvoice.store.models import SCHEMA, lock, metadata, setting
from pgvoice.store.recordings.segment_rows import HEADER, TRAILER

#: Every table with data; a table comes after those that it refers to.
TABLES: tuple[Table, ...] = tuple(table for table in metadata.sorted_tables if table is not lock)
_MODULUS = 1 << 64
#: Looks at rows while they pass.
Passing = Callable[[Iterable[bytes]], Iterator[bytes]]
#: Rows per block, and blocks per COPY. A COPY is limited because the server remembers all its rows
#: until it checks their foreign keys at the end.
_BLOCK, _BLOCKS = 128, 512
#: Rows between two reports of the progress.
_EVERY = 1000
#: A copy has no time limits, like a dump.
_NO_LIMITS = (
    "SET LOCAL statement_timeout = 0",
    "SET LOCAL lock_timeout = 0",
    "SET LOCAL idle_in_transaction_session_timeout = 0",
)
OnProgress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class TableSum:
    """The number of rows of a table, and a checksum of their bytes."""

    table: str
    rows: int
    #: 16 hex digits, the same for the same rows in any order, on any server.
    checksum: str


class RowSum:
    """Counts and sums up rows while they pass."""

    def __init__(self) -> None:
        self.rows = 0
        self._total = 0

    def passing(self, rows: Iterable[bytes]) -> Iterator[bytes]:
        for row in rows:
            self.rows += 1
            digest = blake2b(row, digest_size=8).digest()
            self._total = (self._total + int.from_bytes(digest)) % _MODULUS
            yield row

    def of(self, table: Table) -> TableSum:
        return TableSum(table.name, self.rows, f"{self._total:016x}")


def columns(table: Table) -> str:
    """The columns to copy or to sum up, for a statement.

    Leaves out generated columns, and the number of partitions, which may differ between stores.
    """
    return ", ".join(
        f'"{column.name}"'
        for column in table.columns
        if column.computed is None and column is not setting.c.partitions
    )


@contextmanager
def reading(connection: Connection, table: Table) -> Iterator[Iterator[bytes]]:
    """The rows of a table, in any order. Raises `DatabaseStopped` in one of its kinds."""
    statement = f"COPY (SELECT {columns(table)} FROM {table}) TO STDOUT (FORMAT binary)"  # noqa: S608
    with (
        failures.copying(connection) as driver_connection,
        driver_connection.cursor() as cursor,
        cursor.copy(statement.encode()) as copy,
    ):
        yield _rows(connection, copy)


def _rows(connection: Connection, copy: Copy) -> Iterator[bytes]:
    """The rows, one per message of the protocol; turns this connection's errors into ours."""
    with failures.copying(connection):
        for message in copy:
            row = bytes(message).removeprefix(HEADER)
            if row not in (b"", TRAILER):
                yield row


def summed(connection: Connection, table: Table, passing: Passing = iter) -> TableSum:
    """Count and checksum of a table's rows."""
    sums = RowSum()
    with reading(connection, table) as rows:
        for _ in passing(sums.passing(rows)):
            pass
    return sums.of(table)


def prepare(target: Database, like: SchemaState) -> None:
    """Create the tables, roles and rights of an empty database, or upgrade them.

    Raises `TargetInUse` if there are rows, before anything is changed.
    """
    with target.engine.connect() as connection:
        found = schema.state(connection)
        if found.revision is not None:
            _refuse_rows(connection)
        if (found.revision or "") > schema.HEAD:
            schema.check(found)
    assert like.grid_ms is not None  # noqa: S101 - a store was opened
    schema.upgrade(target.engine, grid_ms=like.grid_ms, partitions=like.partitions or 1)


def copy(
    source: Connection, target: Connection, on_progress: OnProgress | None = None
) -> list[TableSum]:
    """Copy the rows of every table; returns their counts and checksums, equal on both sides.

    `source` must be a snapshot. The triggers in `target` are disabled meanwhile, which also keeps
    others from writing there. Raises `TargetInUse` and `CopyDiffers`.
    """
    for connection in (source, target):
        _run(connection, *_NO_LIMITS)
    counts = (source.scalar(select(func.count()).select_from(table)) for table in TABLES)
    progress = _Progress(on_progress, 2 * sum(count or 0 for count in counts))
    _run(target, *(f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in TABLES))
    _refuse_rows(target)
    partitions = target.scalar(select(setting.c.partitions))
    for table in filter(_is_single, TABLES):
        target.execute(delete(table))
    sent = [_copy_table(source, target, table, progress) for table in TABLES]
    target.execute(update(setting).values(partitions=partitions))
    _copy_sequences(source, target)
    source.rollback()
    arrived = (summed(target, table, progress.passing) for table in TABLES)
    differing = [one.table for one, other in zip(sent, arrived, strict=True) if one != other]
    if differing:
        raise CopyDiffers(
            f"the rows that arrived in {', '.join(differing)} differ from those that were sent, so"
            " nothing was kept: create the tables in a new database with `pgvoice db upgrade`, and"
            " copy there"
        )
    _run(target, *(f"ALTER TABLE {table} ENABLE TRIGGER USER" for table in TABLES))
    _run(target, *(f"ANALYZE {table}" for table in TABLES))
    return sent


class _Progress:
    def __init__(self, on_progress: OnProgress | None, total: int) -> None:
        self._on_progress = on_progress or (lambda _done, _total: None)
        self._done, self._total = 0, total

    def passing(self, rows: Iterable[bytes]) -> Iterator[bytes]:
        for row in rows:
            self._done += 1
            if self._done % _EVERY == 0 or self._done == self._total:
                self._on_progress(self._done, self._total)
            yield row


def _refuse_rows(connection: Connection) -> None:
    there = inspect(connection).get_table_names(SCHEMA)
    for table in TABLES:
        known = not _is_single(table) and table.name in there
        if known and connection.scalar(select(select(table.c[0]).exists())):
            raise TargetInUse(
                f"the target database already has rows in {table.name}, so nothing was changed"
                " there: name an empty database, or one where only `pgvoice db upgrade` was run"
            )


def _is_single(table: Table) -> bool:
    """Whether the table has at most one row, which the source's row replaces."""
    return "only_row" in table.columns


def _copy_table(
    source: Connection, target: Connection, table: Table, progress: _Progress
) -> TableSum:
    sums = RowSum()
    with reading(source, table) as rows:
        _write(target, table, progress.passing(sums.passing(rows)))
    return sums.of(table)


def _write(connection: Connection, table: Table, rows: Iterator[bytes]) -> None:
    statement = f"COPY {table} ({columns(table)}) FROM STDIN (FORMAT binary)".encode()
    blocks = iter(lambda: b"".join(islice(rows, _BLOCK)), b"")
    for first in blocks:
        with (
            failures.copying(connection) as driver_connection,
            driver_connection.cursor() as cursor,
            cursor.copy(statement) as copied,
        ):
            for block in chain((HEADER, first), islice(blocks, _BLOCKS - 1), (TRAILER,)):
                copied.write(block)


def _copy_sequences(source: Connection, target: Connection) -> None:
    """Continue the ids where the source stopped, so that none is used twice."""
    for table in TABLES:
        for column in table.columns:
            if column.identity is not None:
                named = func.pg_get_serial_sequence(str(table), column.name)
                state = text(f"SELECT last_value, is_called FROM {source.scalar(select(named))}")  # noqa: S608
                target.execute(select(func.setval(named, *source.execute(state).one())))


def _run(connection: Connection, *statements: str) -> None:
    for statement in statements:
        connection.execute(text(statement))
