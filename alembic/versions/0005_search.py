"""Search over segments, by an index where there is one.

Revision ID: 0005
"""

from __future__ import annotations

from pgvoice.migrations.sql_files import execute_file

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    execute_file("0005_search.sql")


def downgrade() -> None:
    execute_file("0005_search_down.sql")
