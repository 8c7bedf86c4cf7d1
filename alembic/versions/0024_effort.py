"""A search by the index begins with less effort.

Revision ID: 0024
"""

from __future__ import annotations

from pgvoice.migrations.sql_files import execute_file

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    execute_file("0024_effort.sql")


def downgrade() -> None:
    execute_file(
        "0010_calibration.sql",
        start="CREATE OR REPLACE FUNCTION pgvoice.near_segments(",
        end="COMMENT ON FUNCTION pgvoice.near_segments IS",
    )
