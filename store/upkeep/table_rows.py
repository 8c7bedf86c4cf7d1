"""A table's rows in Postgres' binary COPY format, and their checksums."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b

from psycopg import Copy
from sqlalchemy import Connection, Table

from pgvoice.store.database import failures
from pgvoice.store.models import metadata, setting
from pgvoice.store.recordings.segment_rows import HEADER, TRAILER

#: Every table; a table comes after those that it refers to.
TABLES: tuple[Table, ...] = tuple(metadata.sorted_tables)
_MODULUS = 1 << 64
#: Looks at rows while they pass.
Passing = Callable[[Iterable[bytes]], Iterator[bytes]]


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
