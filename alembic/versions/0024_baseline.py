"""Every table, from the models.

Revision ID: 0024

It runs only for a new store, which then has the newest tables, not those of this revision.
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import MetaData, insert

from pgvoice.migrations import creation, function_files
from pgvoice.store.models import INTERNAL_SCHEMA, PARTITION, metadata, segment_embedding, setting

revision = "0024"
down_revision = None

#: Tables whose vectors are kept out of the planner's statistics, which would store some of them.
WITHOUT_STATISTICS = ("segment_embedding", "enrollment", "profile", "compared_profile")


def upgrade() -> None:
    parts = creation.partitions()
    _tables(parts).create_all(op.get_bind())
    for part in range(parts) if parts > 1 else ():
        _add_part(part, parts)
    for table in WITHOUT_STATISTICS:
        op.execute(f"ALTER TABLE pgvoice.{table} ALTER COLUMN embedding SET STATISTICS 0")
    op.execute(
        insert(setting).values(
            grid_ms=creation.grid_ms(), partitions=parts, consent_required=creation.consent()
        )
    )


def downgrade() -> None:
    function_files.drop(op.get_bind())
    metadata.drop_all(op.get_bind())
    op.execute(f"DROP SCHEMA {INTERNAL_SCHEMA}")


def _tables(parts: int) -> MetaData:
    """The models; with `segment_embedding` in parts if there is more than one."""
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
