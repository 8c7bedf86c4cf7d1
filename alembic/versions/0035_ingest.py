"""Call what fills a library an ingest, and keep which segmenter made turns.

Revision ID: 0035
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

from pgvoice.migrations import function_files
from pgvoice.store.models import metadata

revision = "0035"
down_revision = "0034"

STATES = {"backfill_video": "'waiting', 'done', 'failed'"}
STATES["ingest_video"] = "'waiting', 'filled', 'done', 'failed'"
NAMES = """
SELECT 'CONSTRAINT', conname FROM pg_constraint
WHERE conrelid = CAST('pgvoice.{0}' AS regclass)
UNION ALL
SELECT 'INDEX', CAST(indexrelid AS regclass)::text FROM pg_index
WHERE indrelid = CAST('pgvoice.{0}' AS regclass) AND NOT indisprimary
"""


def upgrade() -> None:
    _rename("backfill", "ingest")
    column = metadata.tables["pgvoice.turn_document"].c["segmenter"]
    op.add_column("turn_document", column._copy(), schema="pgvoice")
    op.create_check_constraint(
        "segmenter",
        "turn_document",
        "segmenter IS NULL OR segmenter <> '' AND source IS NULL",
        schema="pgvoice",
    )


def downgrade() -> None:
    function_files.drop(op.get_bind())
    op.drop_column("turn_document", "segmenter", schema="pgvoice")
    # Older ones fill again whatever waits, which finds everything there.
    op.execute("UPDATE pgvoice.ingest_video SET state = 'waiting' WHERE state = 'filled'")
    _rename("ingest", "backfill")


def _rename(old: str, new: str) -> None:
    """Rename the table, its column, its constraints and its indexes."""
    op.drop_constraint(f"{old}_video_state_check", f"{old}_video", schema="pgvoice")
    for kind, name in op.get_bind().execute(text(NAMES.format(f"{old}_video"))).all():
        plain = name.rpartition(".")[2]
        changed = f"{new}_video" + plain.removeprefix(f"{old}_video")
        if kind == "CONSTRAINT":
            op.execute(f"ALTER TABLE pgvoice.{old}_video RENAME CONSTRAINT {plain} TO {changed}")
        else:
            op.execute(f"ALTER INDEX pgvoice.{plain} RENAME TO {changed}")
    op.alter_column(f"{old}_video", old, new_column_name=new, schema="pgvoice")
    op.rename_table(f"{old}_video", f"{new}_video", schema="pgvoice")
    op.create_check_constraint(
        "state", f"{new}_video", f"state IN ({STATES[f'{new}_video']})", schema="pgvoice"
    )
