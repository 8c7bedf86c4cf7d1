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
    sa.Column(
        "enrolled_from",
        sa.DateTime(timezone=True),
        comment="When the person got the first exemplar; NULL before that.",
    ),
    sa.Column(
        "enrolled_until",
        sa.DateTime(timezone=True),
        comment="When the person lost the last exemplar; NULL while there are some.",
    ),
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
    sa.Column(
        "audio_sha256",
        sa.Text,
        nullable=False,
        comment="Of the file's bytes, or 'video' and an id if the audio was never read.",
    ),
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
    sa.Column(
        "valid_until",
        sa.DateTime(timezone=True),
        nullable=False,
        server_default=sa.text("'-infinity'::timestamp with time zone"),
        comment="Until when the person may be named; triggers keep it, see person_valid_until.",
    ),
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
    sa.CheckConstraint(r"granted_by ~ '\S'", "granted_by"),
    sa.CheckConstraint(r"purpose ~ '\S'", "purpose"),
    comment="Who agreed to what, and until when. A consent can be withdrawn once, and not changed"
    " otherwise.",
)

person_span = sa.Table(
    "person_span",
    metadata,
    columns.reference("speaker_id", "speaker.id"),
    sa.Column(
        "audio",
        sa.Text,
        nullable=False,
        comment="The sha256 of the file, or 'video' and an id if the audio was never read.",
    ),
    *columns.span(),
    sa.PrimaryKeyConstraint("speaker_id", "audio", "start_ms", "end_ms"),
    comment="Where somebody spoke whose voiceprint was deleted, so that erasing finds it; without"
    " vectors.",
)

erased_span = sa.Table(
    "erased_span",
    metadata,
    columns.id_(),
    sa.Column(
        "audio", sa.Text, index=True, comment="The sha256 of the file; NULL if it was never read."
    ),
    sa.Column(
        "video",
        sa.LargeBinary,
        index=True,
        comment="The hash of the recording's key, if the whole recording was erased or its audio"
        " was never read.",
    ),
    sa.Column(
        "person",
        sa.LargeBinary,
        index=True,
        comment="The hash of the name of whoever was erased; NULL for a recording.",
    ),
    *columns.span(),
    columns.now("created_at"),
    sa.CheckConstraint("num_nonnulls(audio, video) > 0", "audio"),
    comment="Speech that was erased: no vector of it is stored again, of any encoder.",
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
    sa.Index("audit_event_subject_idx", "subject"),
    comment="Trail of what was done with voiceprints; never contains a vector. Append-only for"
    " everybody but the owner; audit_link shows edits.",
)

audit_link = sa.Table(
    "audit_link",
    metadata,
    sa.Column("place", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("event_id", sa.BigInteger, nullable=False, unique=True),
    sa.Column(
        "hash",
        sa.LargeBinary,
        nullable=False,
        comment="sha256 of the hash before it and of the event.",
    ),
    comment="The chain of hashes over audit_event, in the order of commits.",
)

audit_head = sa.Table(
    "audit_head",
    metadata,
    *columns.only_row(),
    sa.Column("place", sa.BigInteger, nullable=False),
    sa.Column("hash", sa.LargeBinary, nullable=False),
    comment="The last link of the chain, so that a tail that is cut off is missed; one row.",
)

opt_out_key = sa.Table(
    "opt_out_key",
    metadata,
    *columns.only_row(),
    sa.Column("key", sa.LargeBinary, nullable=False),
    comment="The key that names are hashed with; without it, the hashes reveal no name."
    "\nOne row, from the first opt-out or erasure on.",
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
    sa.Column(
        "similarity_limit",
        sa.Double,
        nullable=False,
        server_default=sa.text("1"),
        comment="From which similarity on a voice was refused when the person opted out.",
    ),
    sa.PrimaryKeyConstraint("opt_out_id", "encoder_id"),
    comment="Voices that nobody may be enrolled with again; kept only if the person asked for it.",
)
