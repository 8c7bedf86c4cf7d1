"""Whether a store is what it should be; labels of recordings that are erased meanwhile.

Revision ID: 0010
"""

from __future__ import annotations

from alembic import op

from pgvoice.migrations.sql_files import execute_file

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    execute_file("0010_verify.sql")


def downgrade() -> None:
    op.execute("DROP FUNCTION pgvoice.verify(integer)")
    op.execute("DROP FUNCTION pgvoice.apply_verdicts")
    execute_file(
        "0004_labels.sql",
        start="CREATE FUNCTION pgvoice.apply_verdicts",
        end="CREATE FUNCTION pgvoice.keep_labels",
    )
    op.execute("ALTER FUNCTION pgvoice.refuse_change() RESET search_path")
