"""Run a migration's SQL file, as it is, on the migration's connection."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from alembic import op


def execute_file(
    name: str, replaced: Mapping[str, str] | None = None, *, start: str = "", end: str | None = None
) -> None:
    """Run every statement of ``versions/<name>`` in the migration's transaction.

    Those from `start` on, and before `end`; the keys of `replaced` give way to its values. Straight
    to the driver: a file holds many statements, and its ``%`` and ``:`` are its own.
    """
    sql = (Path(__file__).parent / "versions" / name).read_text(encoding="utf-8")
    sql = sql[sql.index(start) : None if end is None else sql.index(end)]
    for mark, statement in (replaced or {}).items():
        sql = sql.replace(mark, statement)
    driver_connection = op.get_bind().connection.driver_connection
    assert driver_connection is not None  # noqa: S101 - a bind in a migration is connected
    driver_connection.execute(sql)
