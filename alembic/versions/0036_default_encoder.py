"""Keep which encoder answers, and where imported vectors come from.

Revision ID: 0036
"""

from __future__ import annotations

from alembic import op

from pgvoice.migrations import function_files
from pgvoice.store.models import metadata

revision = "0036"
down_revision = "0035"

ADDED = {"encoder": "default_since", "fill_run": "source"}
LABEL = "name || '@' || \"left\"(revision, 19)"


def upgrade() -> None:
    function_files.drop(op.get_bind())
    for table, name in ADDED.items():
        column = metadata.tables[f"pgvoice.{table}"].c[name]
        op.add_column(table, column._copy(), schema="pgvoice")
    _label(f"{LABEL} || CASE WHEN preprocessing = '1' THEN '' ELSE '/' || preprocessing END")


def downgrade() -> None:
    function_files.drop(op.get_bind())
    _label(LABEL)
    for table, name in ADDED.items():
        op.drop_column(table, name, schema="pgvoice")


def _label(generated: str) -> None:
    """Make another expression of the encoder's label, which is computed."""
    op.execute(
        "ALTER TABLE pgvoice.encoder DROP COLUMN label,"
        f" ADD COLUMN label text GENERATED ALWAYS AS ({generated}) STORED"
    )
    op.execute("COMMENT ON COLUMN pgvoice.encoder.label IS 'Short name to show.'")
