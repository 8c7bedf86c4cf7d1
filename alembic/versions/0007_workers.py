"""Comparisons of a whole library by parallel workers, and a new speaker by one narrow pass.

Revision ID: 0007
"""

from __future__ import annotations

from pgvoice.migrations.sql_files import execute_file

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    execute_file("0007_workers.sql")


def downgrade() -> None:
    execute_file("0007_workers_down.sql")
    execute_file(
        "0004_labels.sql",
        start="CREATE FUNCTION pgvoice.compare_fresh",
        end="CREATE FUNCTION pgvoice.refresh_nearest",
    )
