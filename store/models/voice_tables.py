"""The voices of recordings, and what the library's own turns say about impostors."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from pgvoice.store.database.layout import SCHEMA
from pgvoice.store.models import columns
from pgvoice.store.models.columns import metadata


def _per_band(name: str) -> str:
    return f"cardinality({name}) = cardinality(band_ms) AND array_position({name}, NULL) IS NULL"


voice = sa.Table(
    "voice",
    metadata,
    columns.reference("video_id", "video.id"),
    sa.Column("label", sa.Text, nullable=False, comment="The diarizer's name for the speaker."),
    *columns.vector(),
    sa.Column("clean_ms", sa.Integer, nullable=False, comment="Clean speech that it is made of."),
    sa.PrimaryKeyConstraint("video_id", "encoder_id", "label"),
    sa.CheckConstraint("clean_ms > 0", "clean_ms"),
    comment="The speech under one label in one recording: the mean of its clean segments, weighted"
    " by duration, at unit length.",
)

voice_cohort = sa.Table(
    "voice_cohort",
    metadata,
    columns.reference("video_id", "video.id"),
    columns.encoder(),
    sa.Column(
        "near",
        ARRAY(sa.BigInteger),
        nullable=False,
        comment="The recordings that sound most like this one and have two voices or more; some may"
        " be gone.",
    ),
    sa.Column("voices", sa.Integer, nullable=False, comment="Voices of this recording."),
    sa.Column(
        "recordings", sa.Integer, nullable=False, comment="How many there were to choose near from."
    ),
    sa.Column(
        "across_mean",
        sa.Double,
        comment="Mean similarity of its voices to those of near; NULL if there are none.",
    ),
    sa.Column("across", sa.Integer, nullable=False, comment="How many comparisons that is."),
    sa.Column(
        "within_mean",
        sa.Double,
        comment="Mean similarity of its voices to each other; NULL if there is one voice.",
    ),
    sa.Column("within", sa.Integer, nullable=False, comment="How many comparisons that is."),
    sa.PrimaryKeyConstraint("video_id", "encoder_id"),
    sa.CheckConstraint("voices >= 0 AND recordings >= 0 AND across >= 0 AND within >= 0", "counts"),
    sa.CheckConstraint(
        "(across > 0) = (across_mean IS NOT NULL) AND (within > 0) = (within_mean IS NOT NULL)"
        " AND coalesce(across_mean, 0) BETWEEN -1 AND 1"
        " AND coalesce(within_mean, 0) BETWEEN -1 AND 1",
        "means",
    ),
    comment="What a recording's voices are compared with, to see how similar different people"
    " sound in it: two labels of one recording are two people.",
)

library_tail = sa.Table(
    "library_tail",
    metadata,
    sa.Column(
        "encoder_id",
        sa.Integer,
        sa.ForeignKey(f"{SCHEMA}.encoder.id"),
        primary_key=True,
        autoincrement=False,
    ),
    columns.now("fitted_at"),
    sa.Column("recordings", sa.Integer, nullable=False, comment="With two voices or more."),
    sa.Column("voices", sa.Integer, nullable=False, comment="In these recordings."),
    sa.Column("comparisons", sa.Integer, nullable=False, comment="Of segments with other labels."),
    sa.Column("over_split", sa.Integer, nullable=False, comment="Pairs that may be one person."),
    sa.Column("across_mean", sa.Double, nullable=False),
    sa.Column("within_mean", sa.Double, nullable=False),
    sa.Column("band_ms", ARRAY(sa.Integer), nullable=False, comment="As in calibration."),
    sa.Column("starts", ARRAY(sa.Double), nullable=False, comment="Where the tails begin."),
    sa.Column(
        "mean_excesses", ARRAY(sa.Double), nullable=False, comment="By how much they exceed starts."
    ),
    sa.CheckConstraint(
        "recordings >= 0 AND voices >= 0 AND comparisons >= 0 AND over_split >= 0", "counts"
    ),
    sa.CheckConstraint("across_mean BETWEEN -1 AND 1 AND within_mean BETWEEN -1 AND 1", "means"),
    sa.CheckConstraint("band_ms[1] = 0 AND array_position(band_ms, NULL) IS NULL", "band_ms"),
    *(sa.CheckConstraint(_per_band(name), name) for name in ("starts", "mean_excesses")),
    comment="How far impostors' similarities exceed their mean, per encoder and band of durations:"
    " one comparison in ten by more than starts, and then by mean_excesses more on average.",
)
