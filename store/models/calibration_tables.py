"""Calibrations, and the cohorts of voices that they normalise with."""

from __future__ import annotations

import sqlalchemy as sa
from pgvector.sqlalchemy import VECTOR
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from pgvoice.store.models import columns
from pgvoice.store.models.columns import metadata


def _per_band(column: str) -> str:
    """A condition: the array has one number for each band."""
    return (
        f"cardinality({column}) = cardinality(band_ms) AND array_position({column}, NULL) IS NULL"
    )


calibration = sa.Table(
    "calibration",
    metadata,
    columns.id_(),
    columns.encoder(),
    sa.Column("target_far", sa.Double, nullable=False),
    columns.now("created_at"),
    sa.Column(
        "band_ms",
        ARRAY(sa.Integer),
        nullable=False,
        comment="Where each band of durations begins, rising from 0; it ends where the next"
        " begins.",
    ),
    sa.Column("thresholds", ARRAY(sa.Double), nullable=False, comment="For each band."),
    sa.Column("margins", ARRAY(sa.Double), nullable=False, comment="For each band."),
    sa.Column(
        "levels",
        ARRAY(sa.Double),
        comment="For each band, the normalised similarity that is required instead of the"
        " threshold; NULL if\nnormalisation brings no gain.",
    ),
    sa.Column("level_margins", ARRAY(sa.Double), comment="The margins that belong to levels."),
    sa.Column(
        "cohort_top",
        sa.Integer,
        comment="How many of the most similar voices of the cohort are used; NULL without a"
        " cohort.",
    ),
    sa.Column("labels_from", sa.Text, nullable=False, comment="The source of the labels."),
    sa.Column(
        "measured",
        JSONB,
        nullable=False,
        comment="Figures for people whom the thresholds were not tuned on, and the amount of"
        " speech.",
    ),
    columns.flag("active", "Whether identify uses it."),
    sa.CheckConstraint("target_far > 0 AND target_far < 1", "target_far"),
    sa.CheckConstraint("band_ms[1] = 0 AND array_position(band_ms, NULL) IS NULL", "band_ms"),
    sa.CheckConstraint(_per_band("thresholds"), "thresholds"),
    sa.CheckConstraint(_per_band("margins"), "margins"),
    sa.CheckConstraint(f"levels IS NULL OR ({_per_band('levels')})", "levels"),
    sa.CheckConstraint(
        "(level_margins IS NULL) = (levels IS NULL) AND (level_margins IS NULL OR"
        f" ({_per_band('level_margins')}))",
        "level_margins",
    ),
    sa.CheckConstraint("cohort_top >= 2", "cohort_top"),
    sa.Index(
        "calibration_active_idx", "encoder_id", unique=True, postgresql_where=sa.text("active")
    ),
    comment="Thresholds measured on this library, per encoder; each calibration adds a row.",
)

cohort_voice = sa.Table(
    "cohort_voice",
    metadata,
    columns.reference("calibration_id", "calibration.id"),
    sa.Column("place", sa.Integer, nullable=False),
    sa.Column("embedding", VECTOR(), nullable=False),
    sa.Column(
        "video_ids",
        ARRAY(sa.BigInteger),
        nullable=False,
        comment="Videos with the person's voice; erasing one of them erases the cohort.",
    ),
    sa.PrimaryKeyConstraint("calibration_id", "place"),
    comment="Unit-length mean voices of people who are not enrolled; similarities are normalised"
    " with them.",
)
