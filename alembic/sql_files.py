"""Run a migration's SQL file, as it is, on the migration's connection."""

from __future__ import annotations

from pathlib import Path

from alembic import op


def execute_file(name: str) -> None:
    """Run every statement of ``versions/<name>`` in the migration's transaction.

    Straight to the driver: a file holds many statements, and its ``%`` and ``:`` are its own.
    """
    sql = (Path(__file__).parent / "versions" / name).read_text(encoding="utf-8")
    driver_connection = op.get_bind().connection.driver_connection
    assert driver_connection is not None  # noqa: S101 - a bind in a migration is connected
    driver_connection.execute(sql)
