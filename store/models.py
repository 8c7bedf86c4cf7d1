"""The tables and their constraints; no queries."""

from __future__ import annotations

from pgvector.sqlalchemy import VECTOR
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    DateTime,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

SCHEMA = "pgvoice"
#: Of the functions that only the owner and admins may call.
INTERNAL_SCHEMA = "pgvoice_internal"
#: Statuses of a segment that has a vector. ``partial``: only a part of the span was used, its
#: first 60 seconds or what there is before the end of the audio.
EMBEDDED_STATUSES = ("ok", "partial")
#: Statuses of a segment that can have none; stored, so that it is not tried for ever.
SKIPPED_STATUSES = ("too_short", "silent", "out_of_range", "non_finite", "erased")
#: How far from 1 the length of a stored vector may be (float32 rounding stays below 1e-6).
UNIT_TOLERANCE = 1e-4
#: Where `segment_embedding` is in parts, they are called this and two digits.
PARTITION = "segment_embedding_p"
MAX_PARTITIONS = 100

metadata = MetaData(
    schema=SCHEMA,
    naming_convention={
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "pk": "%(table_name)s_pkey",
    },
)


def _id() -> Column[int]:
    return Column("id", BigInteger, Identity(always=True), primary_key=True)


def _now(name: str) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=False, server_default=func.now())


def _reference(
    name: str, target: str, *, delete: str = "CASCADE", nullable: bool = False, index: bool = False
) -> Column[int]:
    key = ForeignKey(f"{SCHEMA}.{target}", ondelete=delete)
    return Column(name, BigInteger, key, nullable=nullable, index=index)


def _vector(
    *, nullable: bool = False
) -> tuple[Column[object] | ForeignKeyConstraint | CheckConstraint, ...]:
    """An encoder and a vector of that encoder's dimension, held to it by a composite key."""
    return (
        Column("encoder_id", Integer, nullable=False),
        Column("dimension", Integer, nullable=False),
        Column("embedding", VECTOR(), nullable=nullable),
        ForeignKeyConstraint(
            ["encoder_id", "dimension"], [f"{SCHEMA}.encoder.id", f"{SCHEMA}.encoder.dimension"]
        ),
        CheckConstraint("vector_dims(embedding) = dimension", "dimension"),
        CheckConstraint(f"abs(vector_norm(embedding) - 1) < {UNIT_TOLERANCE}", "unit_length"),
    )


def _span() -> tuple[Column[int] | CheckConstraint, ...]:
    return (
        Column("start_ms", Integer, nullable=False),
        Column("end_ms", Integer, nullable=False),
        CheckConstraint("0 <= start_ms AND start_ms <= end_ms", "span"),
    )


def _place() -> tuple[Column[int], ...]:
    """A segment's key, held to nothing: its row may be gone already."""
    return (
        Column("video_id", BigInteger, nullable=False),
        Column("start_ms", Integer, nullable=False),
        Column("end_ms", Integer, nullable=False),
        Column("encoder_id", Integer, nullable=False),
    )


def _one_of(column: str, values: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


def _of_bands(column: str) -> str:
    return (
        f"cardinality({column}) = cardinality(band_ms) AND array_position({column}, NULL) IS NULL"
    )


setting = Table(
    "setting",
    metadata,
    Column("only_row", Boolean, primary_key=True, server_default=text("true")),
    Column("grid_ms", SmallInteger, nullable=False),
    _now("created_at"),
    Column(
        "partitions",
        SmallInteger,
        nullable=False,
        server_default=text("1"),
        comment="Parts of segment_embedding, by hash of video_id; 1 is a plain table.",
    ),
    Column(
        "consent_required",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="Whether nobody can be enrolled without a consent that counts.",
    ),
    Column("functions", Text, comment="Digest of the function files that were applied last."),
    CheckConstraint("only_row", "only_row"),
    CheckConstraint("grid_ms IN (10, 100)", "grid_ms"),
    CheckConstraint(f"partitions BETWEEN 1 AND {MAX_PARTITIONS}", "partitions"),
    comment="What holds for the whole store; one row.",
)

video = Table(
    "video",
    metadata,
    _id(),
    Column("key", Text, nullable=False, unique=True, comment="The pipeline's own id."),
    Column("audio_sha256", Text, comment="Of the audio file's bytes; NULL until audio was read."),
    Column("duration_ms", Integer),
    Column("source", Text, comment="Where the audio was read from last."),
    _now("created_at"),
    CheckConstraint("key <> ''", "key"),
    comment="A recording; everything that is stored about its segments goes with it.",
)

encoder = Table(
    "encoder",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("name", Text, nullable=False),
    Column("revision", Text, nullable=False, comment="The weights: a hash or a hub commit."),
    Column("preprocessing", Text, nullable=False),
    Column("dimension", Integer, nullable=False),
    Column("sample_rate", Integer, nullable=False),
    Column(
        "label",
        Text,
        Computed("name || '@' || \"left\"(revision, 19)", persisted=True),
        comment="For people.",
    ),
    Column("default_threshold", Double, nullable=False, comment="Until calibrated."),
    Column("threshold_source", Text, nullable=False),
    _now("created_at"),
    UniqueConstraint("name", "revision", "preprocessing", "dimension", "sample_rate"),
    UniqueConstraint("id", "dimension"),
    comment="What makes vectors comparable: only those of one row here are ever compared.",
)

segment_embedding = Table(
    "segment_embedding",
    metadata,
    _reference("video_id", "video.id"),
    *_span(),
    *_vector(nullable=True),
    Column("status", Text, nullable=False),
    _now("created_at"),
    PrimaryKeyConstraint("video_id", "start_ms", "end_ms", "encoder_id"),
    CheckConstraint(_one_of("status", EMBEDDED_STATUSES + SKIPPED_STATUSES), "status"),
    CheckConstraint(
        f"(embedding IS NOT NULL) = ({_one_of('status', EMBEDDED_STATUSES)})", "status_embedding"
    ),
    comment="One vector per segment and encoder, or the reason why there can be none.",
)

speaker = Table(
    "speaker",
    metadata,
    _id(),
    Column("name", Text, nullable=False, unique=True),
    _now("created_at"),
    CheckConstraint("name <> ''", "name"),
    comment="A person with a name.",
)

enrollment = Table(
    "enrollment",
    metadata,
    _id(),
    _reference("speaker_id", "speaker.id"),
    *_vector(),
    *_span(),
    Column("audio_sha256", Text, nullable=False, comment="Of the file that was heard."),
    _reference("video_id", "video.id", delete="SET NULL", nullable=True, index=True),
    Column("source", Text, nullable=False, comment="File or video, for people."),
    Column(
        "quality",
        Double,
        comment="Share of the span that holds speech energy, in [0, 1]; NULL where nobody listened"
        " for it.",
    ),
    Column(
        "excluded",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="Kept, and no part of the profile.",
    ),
    _now("created_at"),
    UniqueConstraint(
        "speaker_id", "encoder_id", "audio_sha256", "start_ms", "end_ms", name="enrollment_span_key"
    ),
    comment="An exemplar: one span of speech that a speaker was enrolled with.",
)

profile = Table(
    "profile",
    metadata,
    _reference("speaker_id", "speaker.id"),
    *_vector(),
    Column("exemplars", Integer, nullable=False),
    Column("cohesion", Double, nullable=False, comment="Mean similarity of exemplars to profile."),
    _now("updated_at"),
    PrimaryKeyConstraint("encoder_id", "speaker_id"),
    comment="Per speaker and encoder: the unit-length mean of the exemplars that are not excluded.",
)

calibration = Table(
    "calibration",
    metadata,
    _id(),
    Column("encoder_id", Integer, ForeignKey(f"{SCHEMA}.encoder.id"), nullable=False),
    Column("target_far", Double, nullable=False),
    _now("created_at"),
    Column(
        "band_ms",
        ARRAY(Integer),
        nullable=False,
        comment="Where each band of durations begins, rising from 0; it ends where the next"
        " begins.",
    ),
    Column("thresholds", ARRAY(Double), nullable=False, comment="For each band."),
    Column("margins", ARRAY(Double), nullable=False, comment="For each band."),
    Column(
        "levels",
        ARRAY(Double),
        comment="For each band the normalised similarity that is required instead of the threshold;"
        " NULL where\nnormalisation brings no gain.",
    ),
    Column("level_margins", ARRAY(Double), comment="The margins that go with levels."),
    Column(
        "cohort_top",
        Integer,
        comment="How many voices of the cohort count, those that are nearest; NULL without a"
        " cohort.",
    ),
    Column("labels_from", Text, nullable=False, comment="Where it was known from who speaks."),
    Column(
        "measured",
        JSONB,
        nullable=False,
        comment="What was measured on people whom the thresholds were not tuned on, and on how"
        " much.",
    ),
    Column(
        "active",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="Whether it is what identify goes by.",
    ),
    CheckConstraint("target_far > 0 AND target_far < 1", "target_far"),
    CheckConstraint("band_ms[1] = 0 AND array_position(band_ms, NULL) IS NULL", "band_ms"),
    CheckConstraint(_of_bands("thresholds"), "thresholds"),
    CheckConstraint(_of_bands("margins"), "margins"),
    CheckConstraint(f"levels IS NULL OR ({_of_bands('levels')})", "levels"),
    CheckConstraint(
        "(level_margins IS NULL) = (levels IS NULL) AND (level_margins IS NULL OR"
        f" ({_of_bands('level_margins')}))",
        "level_margins",
    ),
    CheckConstraint("cohort_top >= 2", "cohort_top"),
    Index("calibration_active_idx", "encoder_id", unique=True, postgresql_where=text("active")),
    comment="Thresholds measured on this library, per encoder: a row for each time that they were.",
)

cohort_voice = Table(
    "cohort_voice",
    metadata,
    _reference("calibration_id", "calibration.id", delete="CASCADE"),
    Column("place", Integer, nullable=False),
    Column("embedding", VECTOR(), nullable=False),
    Column(
        "video_ids",
        ARRAY(BigInteger),
        nullable=False,
        comment="Where the person was heard; who erases one of these erases the cohort.",
    ),
    PrimaryKeyConstraint("calibration_id", "place"),
    comment="Voices of people who are not enrolled, a unit-length mean of each, that similarities"
    " are compared with.",
)

attribution_run = Table(
    "attribution_run",
    metadata,
    _id(),
    Column("encoder_id", Integer, ForeignKey(f"{SCHEMA}.encoder.id"), nullable=False),
    Column("kind", Text, nullable=False, comment="A pin is a person's word about one segment."),
    Column("threshold", Double, comment="NULL for a pin, and where the calibration said it."),
    Column("margin", Double),
    Column("changed", BigInteger, nullable=False, comment="Labels that it stored."),
    _now("created_at"),
    Column("reverted_at", DateTime(timezone=True)),
    Column(
        "calibration_id",
        BigInteger,
        ForeignKey(f"{SCHEMA}.calibration.id"),
        comment="What said threshold or margin, where they were not given.",
    ),
    CheckConstraint(_one_of("kind", ("label", "relabel", "pin")), "kind"),
    comment="One act of keeping labels.",
)

attribution = Table(
    "attribution",
    metadata,
    _reference("run_id", "attribution_run.id", index=True),
    _reference("video_id", "video.id"),
    *_span(),
    Column("encoder_id", Integer, nullable=False, comment="That of the run."),
    _reference("speaker_id", "speaker.id", delete="SET NULL", nullable=True, index=True),
    Column("similarity", Double),
    _reference("runner_up_id", "speaker.id", delete="SET NULL", nullable=True, index=True),
    Column("margin", Double),
    Column("reason", Text, nullable=False),
    Column("pinned", Boolean, nullable=False, server_default=text("false")),
    Column(
        "current",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="Whether this is the label that counts.",
    ),
    PrimaryKeyConstraint("video_id", "start_ms", "end_ms", "encoder_id", "run_id"),
    Index(
        "attribution_current_idx",
        "video_id",
        "start_ms",
        "end_ms",
        "encoder_id",
        unique=True,
        postgresql_where=text("current"),
    ),
    comment="A kept label: who was said to speak in a segment, and why; NULL is nobody known.",
)

compared_profile = Table(
    "compared_profile",
    metadata,
    Column("encoder_id", Integer, nullable=False),
    Column("speaker_id", BigInteger, nullable=False),
    Column("embedding", VECTOR(), nullable=False),
    Column(
        "fresh",
        Boolean,
        nullable=False,
        server_default=text("true"),
        comment="Not compared with every segment yet.",
    ),
    Column(
        "factor",
        Double,
        Computed(
            "CASE WHEN speaker_id < 1048576 THEN 1 - speaker_id * 2e0^(-46) ELSE 'Infinity' END",
            persisted=True,
        ),
        comment="Makes of an inner product a key that tells the speaker, too.",
    ),
    PrimaryKeyConstraint("encoder_id", "speaker_id"),
    ForeignKeyConstraint(
        ["encoder_id", "speaker_id"],
        [f"{SCHEMA}.profile.encoder_id", f"{SCHEMA}.profile.speaker_id"],
        ondelete="CASCADE",
    ),
    comment="The profiles, as they were, that nearest was computed with; goes with the profile.",
)

nearest = Table(
    "nearest",
    metadata,
    *_place(),
    Column("status", Text, nullable=False),
    Column("nearest_id", BigInteger),
    Column("similarity", Double, comment="As computed, without any threshold."),
    Column("runner_up_id", BigInteger),
    Column("runner_up_similarity", Double),
    PrimaryKeyConstraint("video_id", "start_ms", "end_ms", "encoder_id"),
    comment="Per segment its status and the two profiles most similar to it, as of the last"
    " refresh_nearest.\nTriggers delete a row when its segment or one of its profiles goes or"
    " changes.",
)

deleted_segment = Table(
    "deleted_segment",
    metadata,
    _id(),
    *_place(),
    comment="Segments that were deleted or changed while labels were made; the next"
    " refresh_nearest forgets them.",
)

fill_run = Table(
    "fill_run",
    metadata,
    _id(),
    _reference("video_id", "video.id", index=True),
    Column("encoder_id", Integer, ForeignKey(f"{SCHEMA}.encoder.id"), nullable=False),
    Column("requested", Integer, nullable=False, comment="Distinct segments asked for."),
    Column("hits", Integer, nullable=False, comment="Of these, in the store already."),
    Column("filled", Integer, nullable=False, comment="Vectors computed."),
    Column("skipped", JSONB, nullable=False, comment="Segments without a vector, by status."),
    Column("decode_seconds", Double, nullable=False),
    Column("encode_seconds", Double, nullable=False),
    Column("device", Text, comment="NULL when no model ran."),
    _now("finished_at"),
    comment="What a fill did; hits and misses are counted from here.",
)

backfill_video = Table(
    "backfill_video",
    metadata,
    Column("backfill", Text, nullable=False),
    Column("video", Text, nullable=False),
    Column("document", JSONB, nullable=False, comment="The manifest's row, to run again from."),
    Column("state", Text, nullable=False, server_default=text("'waiting'::text")),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("error", Text),
    Column("requested", Integer),
    Column("filled", Integer),
    Column("audio_seconds", Double, comment="Of speech that was filled."),
    Column("work_seconds", Double, comment="That its fills took, all together."),
    _now("changed_at"),
    PrimaryKeyConstraint("backfill", "video"),
    CheckConstraint(_one_of("state", ("waiting", "done", "failed")), "state"),
    Index("backfill_video_state_idx", "backfill", "state"),
    comment="What became of each recording of a manifest; whether it is filled, its segments say.",
)

consent = Table(
    "consent",
    metadata,
    _id(),
    _reference("speaker_id", "speaker.id", index=True),
    Column("granted_by", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("evidence", Text),
    _now("granted_at"),
    Column("expires_at", DateTime(timezone=True)),
    Column("withdrawn_at", DateTime(timezone=True)),
    comment="Who agreed to what, until when.",
)

audit_event = Table(
    "audit_event",
    metadata,
    _id(),
    _now("at"),
    Column("actor", Text, nullable=False, server_default=text("session_user")),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("details", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    comment="Append-only trail of what was done with voiceprints; never holds a vector.",
)

opt_out_key = Table(
    "opt_out_key",
    metadata,
    Column("only_row", Boolean, primary_key=True, server_default=text("true")),
    Column("key", LargeBinary, nullable=False),
    CheckConstraint("only_row", "only_row"),
    comment="What names are hashed with; without it the hashes of opt_out tell nobody's name. One"
    " row, from the\nfirst opt-out on.",
)

opt_out = Table(
    "opt_out",
    metadata,
    _id(),
    Column("name_hash", LargeBinary, nullable=False, unique=True),
    _now("created_at"),
    comment="Names that nobody may be enrolled under again; hashed, so that the names are not"
    " kept.",
)

opt_out_voice = Table(
    "opt_out_voice",
    metadata,
    _reference("opt_out_id", "opt_out.id"),
    *_vector(),
    PrimaryKeyConstraint("opt_out_id", "encoder_id"),
    comment="Voices that nobody may be enrolled with again: kept only where the person asked for"
    " that.",
)
