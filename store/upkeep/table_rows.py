"""A table's rows as they are, in Postgres' binary COPY format, and what they add up to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b

from psycopg import Copy
from sqlalchemy import Connection, Table

from pgvoice.store.database import failures
from pgvoice.store.models import metadata, setting
from pgvoice.store.recordings.segment_rows import HEADER, TRAILER

#: Every table, those that others refer to first.
TABLES: tuple[Table, ...] = tuple(metadata.sorted_tables)
_MODULUS = 1 << 64


@dataclass(frozen=True, slots=True)
class TableSum:
    """How many rows a table has, and what their bytes add up to."""

    table: str
    rows: int
    #: 16 hex digits, the same for the same rows in any order, on any server.
    checksum: str


class RowSum:
    """Adds up rows while they pass."""

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
    """What of a table is its content, for a statement.

    Not what is generated from other columns, nor the number of partitions, a matter of the place.
    """
    return ", ".join(
        f'"{column.name}"'
        for column in table.columns
        if column.computed is None and column is not setting.c.partitions
    )


@contextmanager
def reading(connection: Connection, table: Table) -> Iterator[Iterator[bytes]]:
    """Each row, in no order; what is left of them when the context ends is not read.

    Raises `DatabaseStopped` in one of its kinds.
    """
    statement = f"COPY (SELECT {columns(table)} FROM {table}) TO STDOUT (FORMAT binary)"  # noqa: S608
    with (
        failures.copying(connection) as driver_connection,
        driver_connection.cursor() as cursor,
        cursor.copy(statement.encode()) as copy,
    ):
        yield _rows(connection, copy)


def _rows(connection: Connection, copy: Copy) -> Iterator[bytes]:
    """A message of the protocol holds one; what is wrong with this connection is told as such."""
    with failures.copying(connection):
        for message in copy:
            row = bytes(message).removeprefix(HEADER)
            if row not in (b"", TRAILER):
                yield row


def summed(table: Table, rows: Iterable[bytes]) -> TableSum:
    """Count and checksum of a table's rows."""
    sums = RowSum()
    for _ in sums.passing(rows):
        pass
    return sums.of(table)


def all_summed(connection: Connection) -> list[TableSum]:
    """Count and checksum of every table; of one moment where the transaction sees one."""
    sums = []
    for table in TABLES:
        with reading(connection, table) as rows:
            sums.append(summed(table, rows))
    return sums
