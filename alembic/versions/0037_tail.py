"""Find segments by when they were stored, which the index may not cover.

Revision ID: 0037
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

from pgvoice.migrations import function_files

revision = "0037"
down_revision = "0036"

NAME = "segment_embedding_created_at_encoder_id_idx"
#: Indexes that older releases would neither use nor replace.
BOUNDED = (
    "SELECT CAST(i.indexrelid AS regclass)::text FROM pg_index i"
    " JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam"
    " WHERE c.relnamespace = CAST('pgvoice' AS regnamespace) AND a.amname = 'hnsw'"
    " AND pg_get_expr(i.indpred, i.indrelid) LIKE '%created_at <%'"
)


def upgrade() -> None:
    op.create_index(NAME, "segment_embedding", ["created_at", "encoder_id"], schema="pgvoice")


def downgrade() -> None:
    function_files.drop(op.get_bind())
    op.drop_index(NAME, "segment_embedding", schema="pgvoice")
    for name in op.get_bind().scalars(text(BOUNDED)).all():
        op.execute(f"DROP INDEX {name}")
