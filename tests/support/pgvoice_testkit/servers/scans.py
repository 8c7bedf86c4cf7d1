"""Counts what the server reads, including inside functions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from sqlalchemy import Connection, text

_COUNTS = text(
    "SELECT relname, seq_scan, seq_tup_read, coalesce(idx_scan, 0), coalesce(idx_tup_fetch, 0)"
    " FROM pg_stat_xact_user_tables WHERE schemaname = 'pgvoice' AND starts_with(relname, :table)"
)


class Scans(NamedTuple):
    """How a table or partition was read."""

    #: Number of sequential scans, and of rows read by them.
    whole: int = 0
    whole_rows: int = 0
    #: Number of index scans, and of rows fetched by them.
    by_index: int = 0
    index_rows: int = 0


@contextmanager
def scans_of(connection: Connection, table: str) -> Iterator[dict[str, Scans]]:
    """The tables with this prefix that were read in the block, and how, by name.

    This disables parallel workers, as they count separately.
    """
    connection.execute(text("SET LOCAL max_parallel_workers_per_gather = 0"))
    before, found = _counts(connection, table), dict[str, Scans]()
    yield found
    for name, counts in _counts(connection, table).items():
        rise = Scans(*(a - b for a, b in zip(counts, before.get(name, Scans()), strict=True)))
        if rise != Scans():
            found[name] = rise


def _counts(connection: Connection, table: str) -> dict[str, Scans]:
    return {name: Scans(*counts) for name, *counts in connection.execute(_COUNTS, {"table": table})}
