"""Speakers, their exemplars and profiles; consents, opt-outs and the audit trail."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

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

consent = sa.Table(
    "consent",
    metadata,
    columns.id_(),
    columns.reference("speaker_id", "speaker.id", index=True),
    sa.Column("granted_by", sa.Text, nullable=False),
    sa.Column("purpose", sa.Text, nullable=False),
    sa.Column("evidence", sa.Text),
    columns.now("granted_at"),
    sa.Column("expires_at", sa.DateTime(timezone=True)),
    sa.Column("withdrawn_at", sa.DateTime(timezone=True)),
    comment="Who agreed to what, and until when.",
)

audit_event = sa.Table(
    "audit_event",
    metadata,
    columns.id_(),
    columns.now("at"),
    sa.Column("actor", sa.Text, nullable=False, server_default=sa.text("session_user")),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("details", JSONB, nullable=False, server_default=sa.text("'{}'::jsonb")),
    comment="Append-only trail of what was done with voiceprints; never contains a vector.",
)

opt_out_key = sa.Table(
    "opt_out_key",
    metadata,
    *columns.only_row(),
    sa.Column("key", sa.LargeBinary, nullable=False),
    comment="The key that names are hashed with; without it, the hashes in opt_out reveal no name."
    "\nOne row, from the first opt-out on.",
)

opt_out = sa.Table(
    "opt_out",
    metadata,
    columns.id_(),
    sa.Column("name_hash", sa.LargeBinary, nullable=False, unique=True),
    columns.now("created_at"),
    comment="Hashed names that nobody may be enrolled under again.",
)

opt_out_voice = sa.Table(
    "opt_out_voice",
    metadata,
    columns.reference("opt_out_id", "opt_out.id"),
    *columns.vector(),
    sa.PrimaryKeyConstraint("opt_out_id", "encoder_id"),
    comment="Voices that nobody may be enrolled with again; kept only if the person asked for it.",
)
