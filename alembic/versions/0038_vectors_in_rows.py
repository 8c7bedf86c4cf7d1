"""Keep vectors of more than 2 kB in their rows, where a comparison need not fetch them.

Rows that are there keep theirs apart until they are written again.

Revision ID: 0038
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

revision = "0038"
down_revision = "0037"

#: Postgres passes what is set for a partitioned table on to its partitions.
COLUMNS = (
    "SELECT format('%s ALTER COLUMN %I', a.attrelid::regclass, a.attname)"
    " FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
    " WHERE c.relnamespace = CAST('pgvoice' AS regnamespace) AND c.relkind IN ('r', 'p')"
    " AND NOT c.relispartition AND a.atttypid = CAST('public.vector' AS regtype)"
    " AND NOT a.attisdropped ORDER BY 1"
)


def upgrade() -> None:
    _store("MAIN")


def downgrade() -> None:
    _store("EXTERNAL")


def _store(how: str) -> None:
    for column in op.get_bind().scalars(text(COLUMNS)).all():
        op.execute(f"ALTER TABLE {column} SET STORAGE {how}")
