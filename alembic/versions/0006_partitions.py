"""A table of vectors in parts, for stores that ask for it.

Revision ID: 0006
"""

from __future__ import annotations

from pgvoice.migrations.sql_files import execute_file

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    execute_file("0006_partitions.sql")


def downgrade() -> None:
    execute_file("0006_partitions_down.sql")
