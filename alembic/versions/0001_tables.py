"""Every table of the schema.

Revision ID: 0001
"""

from __future__ import annotations

from alembic import op

from pgvoice.migrations.sql_files import execute_file

revision = "0001"
down_revision = None

TABLES = (
    "audit_event",
    "consent",
    "fill_run",
    "attribution",
    "attribution_run",
    "calibration",
    "profile",
    "enrollment",
    "speaker",
    "segment_embedding",
    "video",
    "encoder",
    "setting",
)


def upgrade() -> None:
    execute_file("0001_tables.sql")


def downgrade() -> None:
    for table in TABLES:
        op.execute(f"DROP TABLE pgvoice.{table}")
    op.execute("DROP FUNCTION pgvoice.refuse_change()")
