"""Kept labels, and the comparisons and calibrations that they are made from."""

from __future__ import annotations

import sqlalchemy as sa
from pgvector.sqlalchemy import VECTOR
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from pgvoice.store.database.layout import SCHEMA
from pgvoice.store.models import columns
from pgvoice.store.models.columns import metadata

attribution_run = sa.Table(
    "attribution_run",
    metadata,
    columns.id_(),
    columns.encoder(),
    sa.Column(
        "kind", sa.Text, nullable=False, comment="A pin is set by a person, for one segment."
    ),
    sa.Column(
        "threshold", sa.Double, comment="NULL for a pin, and if the calibration provided it."
    ),
    sa.Column("margin", sa.Double),
    sa.Column("changed", sa.BigInteger, nullable=False, comment="Number of labels that it stored."),
    columns.now("created_at"),
    sa.Column("reverted_at", sa.DateTime(timezone=True)),
    sa.Column(
        "calibration_id",
        sa.BigInteger,
        sa.ForeignKey(f"{SCHEMA}.calibration.id"),
        comment="The calibration that provided the threshold or margin, if they were not given.",
    ),
    sa.CheckConstraint(columns.one_of("kind", ("label", "relabel", "pin")), "kind"),
    comment="A run: the labels that were stored at one time.",
)

attribution = sa.Table(
    "attribution",
    metadata,
    columns.reference("run_id", "attribution_run.id", index=True),
    columns.reference("video_id", "video.id"),
    *columns.span(),
    sa.Column("encoder_id", sa.Integer, nullable=False, comment="Same as the run's."),
    columns.reference("speaker_id", "speaker.id", delete="SET NULL", nullable=True, index=True),
    sa.Column("similarity", sa.Double),
    columns.reference("runner_up_id", "speaker.id", delete="SET NULL", nullable=True, index=True),
    sa.Column("margin", sa.Double),
    sa.Column("reason", sa.Text, nullable=False),
    columns.flag("pinned"),
    columns.flag("current", "Whether this is the segment's current label."),
    sa.PrimaryKeyConstraint("video_id", "start_ms", "end_ms", "encoder_id", "run_id"),
    sa.Index(
        "attribution_current_idx",
        "video_id",
        "start_ms",
        "end_ms",
        "encoder_id",
        unique=True,
        postgresql_where=sa.text("current"),
    ),
    comment="A kept label: the speaker of a segment, and the reason; NULL if nobody was named.",
)

compared_profile = sa.Table(
    "compared_profile",
    metadata,
    sa.Column("encoder_id", sa.Integer, nullable=False),
    sa.Column("speaker_id", sa.BigInteger, nullable=False),
    sa.Column("embedding", VECTOR(), nullable=False),
    sa.Column(
        "fresh",
        sa.Boolean,
        nullable=False,
        server_default=sa.text("true"),
        comment="Whether some segments were not compared with it yet.",
    ),
    sa.Column(
        "factor",
        sa.Double,
        sa.Computed(
            "CASE WHEN speaker_id < 1048576 THEN 1 - speaker_id * 2e0^(-46) ELSE 'Infinity' END",
            persisted=True,
        ),
        comment="Turns an inner product into a sort key that also encodes the speaker.",
    ),
    sa.PrimaryKeyConstraint("encoder_id", "speaker_id"),
    sa.ForeignKeyConstraint(
        ["encoder_id", "speaker_id"],
        [f"{SCHEMA}.profile.encoder_id", f"{SCHEMA}.profile.speaker_id"],
        ondelete="CASCADE",
    ),
    comment="Copies of the profiles that nearest was computed with; deleted with the profile.",
)

nearest = sa.Table(
    "nearest",
    metadata,
    *columns.segment(),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("nearest_id", sa.BigInteger),
    sa.Column("similarity", sa.Double, comment="As computed, without any threshold."),
    sa.Column("runner_up_id", sa.BigInteger),
    sa.Column("runner_up_similarity", sa.Double),
    sa.PrimaryKeyConstraint("video_id", "start_ms", "end_ms", "encoder_id"),
    comment="Per segment its status and the two most similar profiles, as of the last"
    " refresh_nearest.\nTriggers delete a row when its segment or one of its profiles is deleted or"
    " changed.",
)


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
        "gallery",
        sa.Integer,
        nullable=False,
        comment="How many people were enrolled when the thresholds were measured.",
    ),
    sa.Column(
        "far_bound",
        sa.Double,
        comment="With this confidence, FAR is at most this; NULL if older than these bounds.",
    ),
    sa.Column("confidence", sa.Double, comment="The confidence of far_bound, for example 0.95."),
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
    sa.CheckConstraint("gallery > 0", "gallery"),
    sa.CheckConstraint("far_bound >= 0 AND far_bound <= 1", "far_bound"),
    sa.CheckConstraint(
        "(confidence IS NULL) = (far_bound IS NULL)"
        " AND (confidence IS NULL OR confidence > 0 AND confidence < 1)",
        "confidence",
    ),
    sa.Index(
        "calibration_active_idx", "encoder_id", unique=True, postgresql_where=sa.text("active")
    ),
    comment="Thresholds measured on this library, per encoder; each calibration adds a row.",
)
