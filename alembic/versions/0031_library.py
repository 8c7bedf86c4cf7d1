"""Keep the voices of recordings, and what they say about impostors.

Revision ID: 0031
"""

from __future__ import annotations

from alembic import op

from pgvoice.migrations import function_files
from pgvoice.store.models import metadata, setting

revision = "0031"
down_revision = "0030"

TABLES = ("voice", "voice_cohort", "library_tail")


def upgrade() -> None:
    metadata.create_all(op.get_bind(), [metadata.tables[f"pgvoice.{name}"] for name in TABLES])
    op.add_column("setting", setting.c.target_far._copy(), schema="pgvoice")
    op.create_check_constraint(
        "target_far", "setting", "target_far > 0 AND target_far <= 0.1", schema="pgvoice"
    )


def downgrade() -> None:
    function_files.drop(op.get_bind())
    op.drop_column("setting", "target_far", schema="pgvoice")
    for name in reversed(TABLES):
        op.drop_table(name, schema="pgvoice")
