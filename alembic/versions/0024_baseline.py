"""Create every table from the models.

Revision ID: 0024

This runs only for a new store, which then has the newest tables, not those of this revision.
"""

from __future__ import annotations

from alembic import op
from pgvector.sqlalchemy import VECTOR
from sqlalchemy import MetaData, insert

from pgvoice.migrations import function_files
from pgvoice.store.keys import DEFAULT_GRID_MS
from pgvoice.store.models import (
    INTERNAL_SCHEMA,
    LOCKS,
    PARTITION,
    lock,
    metadata,
    segment_embedding,
    setting,
)

revision = "0024"
down_revision = None

#: Tables without planner statistics for their vectors: the statistics would contain some of them.
WITHOUT_STATISTICS = ("segment_embedding", "enrollment", "profile", "compared_profile")


def upgrade() -> None:
    config = op.get_context().config
    options = config.attributes if config else {}
    parts = int(options.get("partitions", 1))
    _tables(parts).create_all(op.get_bind())
    for column in (column for table in metadata.sorted_tables for column in table.c):
        if isinstance(column.type, VECTOR):  # in its row, as in 0038
            op.execute(f"ALTER TABLE {column.table} ALTER COLUMN {column.name} SET STORAGE MAIN")
    for part in range(parts) if parts > 1 else ():
        _add_part(part, parts)
    for table in WITHOUT_STATISTICS:
        op.execute(f"ALTER TABLE pgvoice.{table} ALTER COLUMN embedding SET STATISTICS 0")
    op.execute(
        insert(setting).values(
            grid_ms=options.get("grid_ms", DEFAULT_GRID_MS),
            partitions=parts,
            consent_required=options.get("consent", True),
            keep_text=options.get("keep_text", False),
        )
    )
    op.execute(insert(lock).values([{"name": name, "kept_as": name} for name in LOCKS]))


def downgrade() -> None:
    function_files.drop(op.get_bind())
    for name in ("cohort_voice", "backfill_video"):  # which the newest revision does not have
        op.drop_table(name, schema="pgvoice")
    metadata.drop_all(op.get_bind())
    op.execute(f"DROP SCHEMA {INTERNAL_SCHEMA}")


def _tables(parts: int) -> MetaData:
    """The models; `segment_embedding` is partitioned if there is more than one part."""
    if parts == 1:
        return metadata
    copied = MetaData(schema=metadata.schema, naming_convention=metadata.naming_convention)
    for table in metadata.sorted_tables:
        table.to_metadata(copied)
    options = copied.tables[str(segment_embedding)].dialect_options["postgresql"]
    options["partition_by"] = "HASH (video_id)"
    return copied


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
