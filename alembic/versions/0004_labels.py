"""Labels that are kept: what they are now, and what has to be compared again.

Revision ID: 0004
"""

from __future__ import annotations

from pgvoice.migrations.sql_files import execute_file

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    execute_file("0004_labels.sql")


def downgrade() -> None:
    execute_file("0004_labels_down.sql")
