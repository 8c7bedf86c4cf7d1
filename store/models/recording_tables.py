"""The store's settings, recordings, encoders, vectors and fills."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from pgvoice.store.database.layout import LOCKS, MAX_PARTITIONS, SCHEMA
from pgvoice.store.models import columns
from pgvoice.store.models.columns import metadata
from pgvoice.store.statuses import EMBEDDED_STATUSES, SKIPPED_STATUSES

#: The partitions of `segment_embedding`, if it has any, have this name and two digits.
PARTITION = "segment_embedding_p"
#: What an encoder has instead of a version of preprocessing if its vectors were computed elsewhere;
#: with ``per-label``, the segments of a label share one vector.
IMPORTED = ("imported", "imported-per-label")
#: About 30 years: more than anything takes, so that sums and times cannot overflow. Postgres counts
#: NaN as greater than everything.
MAX_SECONDS = "1000000000"

setting = sa.Table(
    "setting",
    metadata,
    *columns.only_row(),
    sa.Column("grid_ms", sa.SmallInteger, nullable=False),
    columns.now("created_at"),
    sa.Column(
        "partitions",
        sa.SmallInteger,
        nullable=False,
        server_default=sa.text("1"),
        comment="Number of partitions of segment_embedding, by hash of video_id; 1: plain table.",
    ),
    columns.flag("consent_required", "Whether enrolling somebody requires a valid consent."),
    sa.Column("functions", sa.Text, comment="Digest of the function files that were applied last."),
    columns.flag("keep_text", "Whether what was said is stored with the turns."),
    sa.Column(
        "target_far",
        sa.Double,
        nullable=False,
        server_default=sa.text("0.01"),
        comment="Share of speech by people who are not enrolled that may get a name.",
    ),
    columns.flag("linking", "Whether voices that match nobody are linked across recordings."),
    sa.Column("linking_since", sa.DateTime(timezone=True), comment="NULL while it is not."),
    sa.Column(
        "false_link_rate",
        sa.Double,
        nullable=False,
        server_default=sa.text("0.01"),
        comment="Share of voices that may be linked with somebody else's.",
    ),
    sa.Column(
        "unknown_voice_days",
        sa.Integer,
        nullable=False,
        server_default=sa.text("365"),
        comment="So long after a voice joined last, an unknown voice expires.",
    ),
    sa.CheckConstraint("linking = (linking_since IS NOT NULL)", "linking_since"),
    sa.CheckConstraint("false_link_rate > 0 AND false_link_rate <= 0.1", "false_link_rate"),
    sa.CheckConstraint("unknown_voice_days > 0", "unknown_voice_days"),
    sa.CheckConstraint("target_far > 0 AND target_far <= 0.1", "target_far"),
    sa.CheckConstraint("grid_ms IN (10, 100)", "grid_ms"),
    sa.CheckConstraint(f"partitions BETWEEN 1 AND {MAX_PARTITIONS}", "partitions"),
    comment="Settings of the whole store; one row.",
)

video = sa.Table(
    "video",
    metadata,
    columns.id_(),
    sa.Column("key", sa.Text, nullable=False, unique=True, comment="The pipeline's own id."),
    sa.Column(
        "audio_sha256",
        sa.Text,
        index=True,
        comment="Of the audio file's bytes; NULL until audio was read.",
    ),
    sa.Column("duration_ms", sa.Integer),
    sa.Column("source", sa.Text, comment="The file that the audio was read from last."),
    columns.now("created_at"),
    sa.CheckConstraint("key <> ''", "key"),
    sa.CheckConstraint("audio_sha256 ~ '^[0-9a-f]{64}$'", "audio_sha256"),
    sa.CheckConstraint("duration_ms >= 0", "duration_ms"),
    comment="A recording. Deleting it deletes everything that is stored about its segments.",
)

turn_document = sa.Table(
    "turn_document",
    metadata,
    sa.Column(
        "video_id",
        sa.BigInteger,
        sa.ForeignKey(f"{SCHEMA}.video.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    sa.Column("source", sa.Text, comment="The file of the turns; NULL if a program passed them."),
    sa.Column("segmenter", sa.Text, comment="What found the turns in the audio, if anything did."),
    columns.now("stored_at"),
    sa.CheckConstraint("source <> ''", "source"),
    sa.CheckConstraint("segmenter IS NULL OR segmenter <> '' AND source IS NULL", "segmenter"),
    comment="Where the turns of a recording come from. While there is a row, the recording's"
    " segments are those of its turns, even if there are none.",
)

turn = sa.Table(
    "turn",
    metadata,
    columns.reference("video_id", "turn_document.video_id"),
    sa.Column("place", sa.Integer, nullable=False, comment="From 1, in the document's order."),
    sa.Column("start_s", sa.Double, nullable=False, comment="As the document says."),
    sa.Column("end_s", sa.Double, nullable=False),
    *columns.span(),
    sa.Column("label", sa.Text, comment="The diarizer's name for the speaker."),
    sa.Column("text", sa.Text, comment="What was said; NULL unless the store keeps text."),
    sa.Column(
        "overlapped_ms",
        sa.Integer,
        nullable=False,
        server_default=sa.text("0"),
        comment="How much of the segment turns of other labels overlap; a trigger keeps it.",
    ),
    sa.PrimaryKeyConstraint("video_id", "place"),
    sa.Index("turn_span_idx", "video_id", "start_ms", "end_ms"),
    # A time just before another may round to the same point of the grid. NaN is more than a number.
    sa.CheckConstraint(
        f"start_s > -1 AND end_s > start_s - 1 AND greatest(start_s, end_s) < {MAX_SECONDS}",
        "seconds",
    ),
    sa.CheckConstraint("overlapped_ms BETWEEN 0 AND end_ms - start_ms", "overlapped"),
    comment="Who speaks from when to when, as a pipeline handed it over; start_ms and end_ms are"
    " the segment.",
)

clean_part = sa.Table(
    "clean_part",
    metadata,
    columns.reference("video_id", "turn_document.video_id"),
    sa.Column("turn_start_ms", sa.Integer, nullable=False, comment="The turn's segment."),
    sa.Column("turn_end_ms", sa.Integer, nullable=False),
    *columns.span(),
    sa.PrimaryKeyConstraint("video_id", "turn_start_ms", "turn_end_ms", "start_ms", "end_ms"),
    sa.Index("clean_part_span_idx", "video_id", "start_ms", "end_ms"),
    sa.CheckConstraint("turn_start_ms <= start_ms AND end_ms <= turn_end_ms", "inside"),
    sa.CheckConstraint("end_ms - start_ms >= 600", "length"),
    comment="The stretches of at least 0.6 s of an overlapped turn in which nobody else speaks:"
    " segments with vectors\nof their own. A trigger keeps them; a turn that nobody overlaps has"
    " none here.",
)

encoder = sa.Table(
    "encoder",
    metadata,
    sa.Column("id", sa.Integer, sa.Identity(always=True), primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("revision", sa.Text, nullable=False, comment="The weights: a hash or a hub commit."),
    sa.Column("preprocessing", sa.Text, nullable=False),
    sa.Column("dimension", sa.Integer, nullable=False),
    sa.Column("sample_rate", sa.Integer, nullable=False),
    sa.Column(
        "label",
        sa.Text,
        sa.Computed(
            "name || '@' || \"left\"(revision, 19)"
            " || CASE WHEN preprocessing = '1' THEN '' ELSE '/' || preprocessing END",
            persisted=True,
        ),
        comment="Short name to show.",
    ),
    sa.Column(
        "default_threshold",
        sa.Double,
        nullable=False,
        comment="For one comparison at FAR 1 %, until the library or a calibration has told.",
    ),
    sa.Column("threshold_source", sa.Text, nullable=False),
    sa.Column(
        "default_since",
        sa.DateTime(timezone=True),
        comment="When the library switched to it last. The latest one answers unless another one is"
        " named; while there is none, the first encoder.",
    ),
    columns.now("created_at"),
    sa.UniqueConstraint("name", "revision", "preprocessing", "dimension", "sample_rate"),
    sa.UniqueConstraint("id", "dimension"),
    sa.Index(
        "encoder_imported_key",
        *("name", "revision", "preprocessing"),
        unique=True,
        postgresql_where=sa.text(columns.one_of("preprocessing", IMPORTED)),
    ),
    sa.CheckConstraint("dimension BETWEEN 1 AND 16000", "dimension"),
    sa.CheckConstraint("sample_rate > 0", "sample_rate"),
    sa.CheckConstraint("default_threshold > 0 AND default_threshold < 1", "default_threshold"),
    comment="What makes vectors comparable: only vectors of the same encoder are ever compared.",
)

segment_embedding = sa.Table(
    "segment_embedding",
    metadata,
    columns.reference("video_id", "video.id"),
    *columns.span(),
    *columns.vector(nullable=True),
    sa.Column("status", sa.Text, nullable=False),
    columns.now("created_at"),
    sa.PrimaryKeyConstraint("video_id", "start_ms", "end_ms", "encoder_id"),
    # What was stored since the vector index was built is found by this, at the least cost.
    sa.Index("segment_embedding_created_at_encoder_id_idx", "created_at", "encoder_id"),
    sa.CheckConstraint(columns.one_of("status", EMBEDDED_STATUSES + SKIPPED_STATUSES), "status"),
    sa.CheckConstraint(
        f"(embedding IS NOT NULL) = ({columns.one_of('status', EMBEDDED_STATUSES)})",
        "status_embedding",
    ),
    comment="One vector per segment and encoder, or the reason why there is none.",
)

#: What is locked by name, besides the fills of each video.
lock = sa.Table(
    "lock",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column(
        "kept_as",
        sa.Text,
        sa.ForeignKey(f"{SCHEMA}.lock.name", deferrable=True, initially="DEFERRED"),
        nullable=False,
        server_default=sa.text("''::text"),
        comment="Its own name; without it, a row can be inserted but never committed.",
    ),
    sa.CheckConstraint(
        f"({columns.one_of('name', LOCKS)} AND kept_as = name)"
        " OR (name LIKE 'fill %' AND kept_as = '')",
        "name",
    ),
    comment="Rows to lock. A fill inserts one with the name of its video, and takes it back.",
)

deleted_segment = sa.Table(
    "deleted_segment",
    metadata,
    columns.id_(),
    *columns.segment(),
    comment="Segments that were deleted or changed while labels were made; the next"
    " refresh_nearest deletes their rows in nearest.",
)

fill_run = sa.Table(
    "fill_run",
    metadata,
    columns.id_(),
    columns.reference("video_id", "video.id", index=True),
    columns.encoder(),
    sa.Column("requested", sa.Integer, nullable=False, comment="Distinct segments asked for."),
    sa.Column("hits", sa.Integer, nullable=False, comment="Those that were stored already."),
    sa.Column("filled", sa.Integer, nullable=False, comment="Vectors computed."),
    sa.Column("skipped", JSONB, nullable=False, comment="Segments without a vector, by status."),
    sa.Column("decode_seconds", sa.Double, nullable=False),
    sa.Column("encode_seconds", sa.Double, nullable=False),
    sa.Column("device", sa.Text, comment="NULL if no model ran."),
    sa.Column(
        "source",
        sa.Text,
        comment="What vectors were imported from: a file and its sha256.",
    ),
    columns.now("finished_at"),
    sa.CheckConstraint(
        "hits >= 0 AND filled >= 0 AND hits <= requested AND filled <= requested - hits", "segments"
    ),
    sa.CheckConstraint(
        "jsonb_typeof(skipped) = 'object' AND"
        f" NOT jsonb_path_exists(skipped, '{columns.NOT_A_COUNT}', '{{}}', true)",
        "skipped",
    ),
    sa.CheckConstraint(f"decode_seconds BETWEEN 0 AND {MAX_SECONDS}", "decode_seconds"),
    sa.CheckConstraint(f"encode_seconds BETWEEN 0 AND {MAX_SECONDS}", "encode_seconds"),
    sa.CheckConstraint("length(device) <= 200", "device"),
    sa.CheckConstraint("source <> '' AND length(source) <= 5000", "source"),
    comment="What a fill or an import did; hits and misses of fills are counted from here.",
)

ingest_video = sa.Table(
    "ingest_video",
    metadata,
    sa.Column("ingest", sa.Text, nullable=False),
    sa.Column("video", sa.Text, nullable=False),
    sa.Column("document", JSONB, nullable=False, comment="The manifest's row, to run it again."),
    sa.Column("state", sa.Text, nullable=False, server_default=sa.text("'waiting'::text")),
    sa.Column("attempts", sa.Integer, nullable=False, server_default=sa.text("0")),
    sa.Column("error", sa.Text),
    sa.Column("requested", sa.Integer),
    sa.Column("filled", sa.Integer),
    sa.Column("audio_seconds", sa.Double, comment="Seconds of speech that were filled."),
    sa.Column("work_seconds", sa.Double, comment="Seconds that its fills took, all together."),
    columns.now("changed_at"),
    sa.PrimaryKeyConstraint("ingest", "video"),
    sa.CheckConstraint(columns.one_of("state", ("waiting", "filled", "done", "failed")), "state"),
    sa.CheckConstraint("jsonb_typeof(document) = 'object'", "document"),
    sa.CheckConstraint("attempts >= 0 AND requested >= 0 AND filled >= 0", "counts"),
    sa.CheckConstraint(f"audio_seconds BETWEEN 0 AND {MAX_SECONDS}", "audio_seconds"),
    sa.CheckConstraint(f"work_seconds BETWEEN 0 AND {MAX_SECONDS}", "work_seconds"),
    sa.CheckConstraint(
        "isfinite(changed_at) AND date_part('year', changed_at) > 2000", "changed_at"
    ),
    sa.Index("ingest_video_state_idx", "ingest", "state"),
    comment="How an ingest went for each recording of its manifest. Whether a recording is filled"
    " follows from its segments.",
)
