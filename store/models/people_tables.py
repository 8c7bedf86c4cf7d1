"""Speakers, their exemplars and profiles."""

from __future__ import annotations

import sqlalchemy as sa

from pgvoice.store.models import columns
from pgvoice.store.models.columns import metadata

speaker = sa.Table(
    "speaker",
    metadata,
    columns.id_(),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    columns.now("created_at"),
    sa.CheckConstraint("name <> ''", "name"),
    comment="A person with a name.",
)

enrollment = sa.Table(
    "enrollment",
    metadata,
    columns.id_(),
    columns.reference("speaker_id", "speaker.id"),
    *columns.vector(),
    *columns.span(),
    sa.Column("audio_sha256", sa.Text, nullable=False, comment="Of the file's bytes."),
    columns.reference("video_id", "video.id", delete="SET NULL", nullable=True, index=True),
    sa.Column("source", sa.Text, nullable=False, comment="The file or video, to show."),
    sa.Column(
        "quality",
        sa.Double,
        comment="Share of the span that has speech energy, in [0, 1]; NULL if not measured.",
    ),
    columns.flag("excluded", "Whether it is kept but left out of the profile."),
    columns.now("created_at"),
    sa.UniqueConstraint(
        "speaker_id", "encoder_id", "audio_sha256", "start_ms", "end_ms", name="enrollment_span_key"
    ),
    comment="An exemplar: one span of speech that a speaker was enrolled with.",
)

profile = sa.Table(
    "profile",
    metadata,
    columns.reference("speaker_id", "speaker.id"),
    *columns.vector(),
    sa.Column("exemplars", sa.Integer, nullable=False),
    sa.Column(
        "cohesion", sa.Double, nullable=False, comment="Mean similarity of exemplars to profile."
    ),
    columns.now("updated_at"),
    sa.PrimaryKeyConstraint("encoder_id", "speaker_id"),
    comment="Per speaker and encoder: the unit-length mean of the exemplars that are not excluded.",
)
