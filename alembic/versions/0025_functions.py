"""Note which function files a store has.

Revision ID: 0025
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Text

from pgvoice.migrations import function_files

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    op.add_column(
        "setting",
        Column("functions", Text, comment="Digest of the function files that were applied last."),
        schema="pgvoice",
    )


def downgrade() -> None:
    function_files.drop(op.get_bind())
    op.drop_column("setting", "functions", schema="pgvoice")
