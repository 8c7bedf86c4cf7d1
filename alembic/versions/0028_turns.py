"""Keep the turns that a pipeline hands over.

Revision ID: 0028
"""

from __future__ import annotations

from alembic import op

from pgvoice.migrations import function_files
from pgvoice.store.models import metadata, setting

revision = "0028"
down_revision = "0027"

TABLES = ("turn_document", "turn")


def upgrade() -> None:
    metadata.create_all(op.get_bind(), [metadata.tables[f"pgvoice.{name}"] for name in TABLES])
    op.drop_column("turn", "overlapped_ms", schema="pgvoice")  # 0030 adds it
    op.drop_column("turn_document", "segmenter", schema="pgvoice")  # 0035 adds it
    op.add_column("setting", setting.c.keep_text._copy(), schema="pgvoice")


def downgrade() -> None:
    function_files.drop(op.get_bind())
    op.drop_column("setting", "keep_text", schema="pgvoice")
    for name in reversed(TABLES):
        op.drop_table(name, schema="pgvoice")
