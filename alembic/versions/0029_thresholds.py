"""Note in calibrations the gallery and a bound of FAR, and drop what normalised similarities.

Revision ID: 0029
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from pgvector.sqlalchemy import VECTOR
from sqlalchemy.dialects.postgresql import ARRAY

from pgvoice.migrations import function_files
from pgvoice.store.models import metadata

revision = "0029"
down_revision = "0028"

#: The new columns of calibration, with their conditions.
COLUMNS = {
    "gallery": "gallery > 0",
    "far_bound": "far_bound >= 0 AND far_bound <= 1",
    "confidence": "(confidence IS NULL) = (far_bound IS NULL)"
    " AND (confidence IS NULL OR confidence > 0 AND confidence < 1)",
}
#: The columns that are dropped.
DROPPED = (
    ("levels", ARRAY(sa.Double)),
    ("level_margins", ARRAY(sa.Double)),
    ("cohort_top", sa.Integer()),
)
#: Where the number of people in the gallery was not kept, the fewest is the strictest.
GALLERY = """
UPDATE pgvoice.calibration
SET gallery = greatest(coalesce((measured #>> '{figures,profiles}')::integer, 1), 1)
"""
PER_BAND = "cardinality({0}) = cardinality(band_ms) AND array_position({0}, NULL) IS NULL"


def upgrade() -> None:
    function_files.drop(op.get_bind())
    op.drop_table("cohort_voice", schema="pgvoice")
    for name, _ in DROPPED:
        op.drop_column("calibration", name, schema="pgvoice")
    for name in COLUMNS:
        column = metadata.tables["pgvoice.calibration"].c[name]._copy()
        column.nullable = True
        op.add_column("calibration", column, schema="pgvoice")
    op.execute(GALLERY)
    op.alter_column("calibration", "gallery", nullable=False, schema="pgvoice")
    for name, condition in COLUMNS.items():
        op.create_check_constraint(name, "calibration", condition, schema="pgvoice")


def downgrade() -> None:
    function_files.drop(op.get_bind())
    for name in COLUMNS:
        op.drop_column("calibration", name, schema="pgvoice")
    for name, type_ in DROPPED:
        op.add_column("calibration", sa.Column(name, type_), schema="pgvoice")
    for name, condition in {
        "levels": f"levels IS NULL OR ({PER_BAND.format('levels')})",
        "level_margins": "(level_margins IS NULL) = (levels IS NULL) AND (level_margins IS NULL"
        f" OR ({PER_BAND.format('level_margins')}))",
        "cohort_top": "cohort_top >= 2",
    }.items():
        op.create_check_constraint(name, "calibration", condition, schema="pgvoice")
    op.create_table(
        "cohort_voice",
        sa.Column(
            "calibration_id",
            sa.BigInteger,
            sa.ForeignKey("pgvoice.calibration.id", ondelete="CASCADE"),
        ),
        sa.Column("place", sa.Integer),
        sa.Column("embedding", VECTOR(), nullable=False),
        sa.Column("video_ids", ARRAY(sa.BigInteger), nullable=False),
        sa.PrimaryKeyConstraint("calibration_id", "place"),
        schema="pgvoice",
    )
