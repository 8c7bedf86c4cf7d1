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
IMPORTED = "preprocessing IN ('imported', 'imported-per-label')"
#: Before and since: what tables and columns are, by their kind and name.
COMMENTS = {
    "TABLE pgvoice.fill_run": (
        "What a fill did; hits and misses are counted from here.",
        "What a fill or an import did; hits and misses of fills are counted from here.",
    ),
    "COLUMN pgvoice.enrollment.audio_sha256": (
        "Of the file's bytes.",
        "Of the file's bytes, or 'video' and an id if the audio was never read.",
    ),
}
LABEL = "name || '@' || \"left\"(revision, 19)"


def upgrade() -> None:
    function_files.drop(op.get_bind())
    for table, name in ADDED.items():
        column = metadata.tables[f"pgvoice.{table}"].c[name]
        op.add_column(table, column._copy(), schema="pgvoice")
    op.create_index(
        "encoder_imported_key",
        "encoder",
        ["name", "revision", "preprocessing"],
        schema="pgvoice",
        unique=True,
        postgresql_where=IMPORTED,
    )
    op.create_check_constraint(
        "source", "fill_run", "source <> '' AND length(source) <= 5000", schema="pgvoice"
    )
    _comment(since=True)
    _label(f"{LABEL} || CASE WHEN preprocessing = '1' THEN '' ELSE '/' || preprocessing END")


def downgrade() -> None:
    function_files.drop(op.get_bind())
    _label(LABEL)
    _comment(since=False)
    op.drop_index("encoder_imported_key", "encoder", schema="pgvoice")
    for table, name in ADDED.items():
        op.drop_column(table, name, schema="pgvoice")


def _label(generated: str) -> None:
    """Make another expression of the encoder's label, which is computed."""
    op.execute(
        "ALTER TABLE pgvoice.encoder DROP COLUMN label,"
        f" ADD COLUMN label text GENERATED ALWAYS AS ({generated}) STORED"
    )
    op.execute("COMMENT ON COLUMN pgvoice.encoder.label IS 'Short name to show.'")


def _comment(*, since: bool) -> None:
    for what, comments in COMMENTS.items():
        op.execute(f"COMMENT ON {what} IS $${comments[since]}$$")
