"""Every table of the schema.

Revision ID: 0001
"""

from __future__ import annotations

from alembic import op

from pgvoice.migrations import creation
from pgvoice.migrations.sql_files import execute_file
from pgvoice.store.models import PARTITION

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
    parts = creation.partitions()
    execute_file(
        "0001_tables.sql", {"/* parts */": "PARTITION BY HASH (video_id)"} if parts > 1 else None
    )
    for part in range(parts) if parts > 1 else ():
        _add_part(part, parts)
    op.execute(f"INSERT INTO pgvoice.setting (grid_ms) VALUES ({creation.grid_ms()})")  # noqa: S608


def _add_part(part: int, parts: int) -> None:
    name = f"pgvoice.{PARTITION}{part:02}"
    op.execute(
        f"CREATE TABLE {name} PARTITION OF pgvoice.segment_embedding"
        f" FOR VALUES WITH (MODULUS {parts}, REMAINDER {part})"
    )
    op.execute(
        f"COMMENT ON TABLE {name} IS"
        f" 'Part {part} of {parts} of segment_embedding, by hash of video_id.'"
    )


def downgrade() -> None:
    for table in TABLES:
        op.execute(f"DROP TABLE pgvoice.{table}")
    op.execute("DROP FUNCTION pgvoice.refuse_change()")
