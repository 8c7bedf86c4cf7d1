"""How far backfills are, at what pace, and when they end.

Revision ID: 0021
"""

from __future__ import annotations

from alembic import op

from pgvoice.migrations.sql_files import execute_file

revision = "0021"
down_revision = "0019"


def upgrade() -> None:
    execute_file("0021_backfill_progress.sql")


def downgrade() -> None:
    op.execute("DROP FUNCTION pgvoice.backfill_progress(text)")
