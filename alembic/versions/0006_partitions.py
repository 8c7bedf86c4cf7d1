"""A table of vectors in parts, for stores that ask for it when they are created.

Revision ID: 0006

The first migration makes the parts, so that what comes after it finds the table as it stays. Here
their number is written down; going down leaves them, which older versions can use.
"""

from __future__ import annotations

from pgvoice.migrations.sql_files import execute_file

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    execute_file("0006_partitions.sql")


def downgrade() -> None:
    execute_file("0006_partitions_down.sql")
