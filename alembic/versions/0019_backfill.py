"""What became of each recording of a manifest.

Revision ID: 0019
"""

from __future__ import annotations

from alembic import op

from pgvoice.migrations.sql_files import execute_file

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    execute_file("0019_backfill.sql")


def downgrade() -> None:
    op.execute("DROP TABLE pgvoice.backfill_video")
