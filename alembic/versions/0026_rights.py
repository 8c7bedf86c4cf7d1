"""Limit what writers may store to what the rest can work with, and add rows to lock.

Revision ID: 0026
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

from pgvoice.migrations import function_files
from pgvoice.store.errors import SchemaMismatch

revision = "0026"
down_revision = "0025"

_NOT_A_COUNT = (
    'strict $.keyvalue().value ? (!(@.type() == "number") || !(@ >= 0 && @ <= 1000000000)'
    " || !(@.floor() == @))"
)
#: By table and name, the condition.
_CHECKS = {
    ("video", "audio_sha256"): "audio_sha256 ~ '^[0-9a-f]{64}$'",
    ("video", "duration_ms"): "duration_ms >= 0",
    ("encoder", "dimension"): "dimension BETWEEN 1 AND 16000",
    ("encoder", "sample_rate"): "sample_rate > 0",
    ("encoder", "default_threshold"): "default_threshold > 0 AND default_threshold < 1",
    ("fill_run", "segments"): "hits >= 0 AND filled >= 0 AND hits <= requested"
    " AND filled <= requested - hits",
    ("fill_run", "skipped"): "jsonb_typeof(skipped) = 'object' AND"
    f" NOT jsonb_path_exists(skipped, '{_NOT_A_COUNT}', '{{}}', true)",
    ("fill_run", "decode_seconds"): "decode_seconds BETWEEN 0 AND 1000000000",
    ("fill_run", "encode_seconds"): "encode_seconds BETWEEN 0 AND 1000000000",
    ("fill_run", "device"): "length(device) <= 200",
    ("backfill_video", "document"): "jsonb_typeof(document) = 'object'",
    ("backfill_video", "counts"): "attempts >= 0 AND requested >= 0 AND filled >= 0",
    ("backfill_video", "audio_seconds"): "audio_seconds BETWEEN 0 AND 1000000000",
    ("backfill_video", "work_seconds"): "work_seconds BETWEEN 0 AND 1000000000",
    ("backfill_video", "changed_at"): "isfinite(changed_at)"
    " AND date_part('year', changed_at) > 2000",
}
#: What only reports read is repaired; a row that cannot be right is deleted.
_REPAIRS = (
    "UPDATE pgvoice.video SET audio_sha256 = lower(audio_sha256)"
    " WHERE audio_sha256 <> lower(audio_sha256)",
    "UPDATE pgvoice.video SET duration_ms = NULL WHERE duration_ms < 0",
    *(
        f"DELETE FROM pgvoice.fill_run WHERE NOT ({_CHECKS['fill_run', name]})"  # noqa: S608
        for name in ("segments", "skipped", "decode_seconds", "encode_seconds")
    ),
    "UPDATE pgvoice.fill_run SET device = left(device, 200) WHERE length(device) > 200",
    *(
        f"DELETE FROM pgvoice.backfill_video WHERE NOT ({_CHECKS['backfill_video', name]})"  # noqa: S608
        for name in ("document", "counts", "audio_seconds", "work_seconds", "changed_at")
    ),
)


def upgrade() -> None:
    _create_locks()
    for repair in _REPAIRS:
        op.execute(repair)
    _refuse("video", "audio_sha256", "key", "the sha256 of its audio, 64 hex digits, or to NULL")
    for column in ("dimension", "sample_rate", "default_threshold"):
        _refuse("encoder", column, "label", "a value that its condition allows")
    for (table, name), condition in _CHECKS.items():
        op.execute(
            f"ALTER TABLE pgvoice.{table} ADD CONSTRAINT {table}_{name}_check CHECK ({condition})"
        )


def _create_locks() -> None:
    op.execute(
        "CREATE TABLE pgvoice.lock (name text, kept_as text NOT NULL DEFAULT ''::text,"
        " CONSTRAINT lock_pkey PRIMARY KEY (name), CONSTRAINT lock_kept_as_fkey"
        " FOREIGN KEY (kept_as) REFERENCES pgvoice.lock (name) DEFERRABLE INITIALLY DEFERRED,"
        " CONSTRAINT lock_name_check CHECK ((name IN ('labels', 'enrollment', 'index')"
        " AND kept_as = name) OR (name LIKE 'fill %' AND kept_as = '')))"
    )
    op.execute(
        "INSERT INTO pgvoice.lock (name, kept_as) SELECT name, name"
        " FROM unnest(ARRAY['labels', 'enrollment', 'index']) AS name"
    )


def downgrade() -> None:
    function_files.drop(op.get_bind())
    op.drop_table("lock", schema="pgvoice")
    for table, name in _CHECKS:
        op.drop_constraint(f"{table}_{name}_check", table, schema="pgvoice")


def _refuse(table: str, column: str, shown: str, remedy: str) -> None:
    """Refuse a store with a value that nobody but its owner can put right."""
    condition = _CHECKS[table, column]
    wrong = text(
        f"SELECT id, {shown}, {column} FROM pgvoice.{table}"  # noqa: S608 - of constants
        f" WHERE NOT ({condition}) ORDER BY id LIMIT 1"
    )
    row = op.get_bind().execute(wrong).one_or_none()
    if row is not None:
        raise SchemaMismatch(
            f"the {table} {row[1]!r} has {column} {row[2]}, which no longer fits ({condition}):"
            f" set pgvoice.{table}.{column} of id {row[0]} to {remedy}, then upgrade"
            " again"
        )
