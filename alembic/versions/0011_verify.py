"""Whether a store is what it should be; labels of recordings that are erased meanwhile.

Revision ID: 0011
"""

from __future__ import annotations

from alembic import op

from pgvoice.migrations.sql_files import execute_file

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    execute_file("0011_verify.sql")


def downgrade() -> None:
    op.execute("DROP FUNCTION pgvoice.verify(integer)")
    execute_file(
        "0010_calibration.sql",
        start="CREATE OR REPLACE FUNCTION pgvoice.apply_verdicts",
        end="CREATE FUNCTION pgvoice.profile_without",
    )
    op.execute("ALTER FUNCTION pgvoice.refuse_change() RESET search_path")
