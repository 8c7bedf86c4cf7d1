"""The voices of recordings, and what the library's own turns say about impostors."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, INT4MULTIRANGE

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
    columns.milliseconds("speech_ms", "All its speech, overlapped or not."),
    sa.Column(
        "segments",
        sa.Integer,
        nullable=False,
        server_default=sa.text("1"),
        comment="Clean segments that it is made of.",
    ),
    sa.Column(
        "clip_start_ms",
        sa.Integer,
        comment="The best clip to listen to: clean, 3 to 8 s if there is one, close to the mean.",
    ),
    sa.Column("clip_end_ms", sa.Integer),
    sa.Column(
        "starts_ms",
        ARRAY(sa.Integer),
        comment="Its segments, if its turns have no label and the store grouped them; else NULL.",
    ),
    sa.Column("ends_ms", ARRAY(sa.Integer)),
    sa.PrimaryKeyConstraint("video_id", "encoder_id", "label"),
    sa.CheckConstraint("clean_ms > 0", "clean_ms"),
    sa.CheckConstraint("speech_ms >= 0", "speech_ms"),
    sa.CheckConstraint("segments > 0", "segments"),
    sa.CheckConstraint("clip_start_ms < clip_end_ms", "clip"),
    sa.CheckConstraint(
        "(starts_ms IS NULL) = (ends_ms IS NULL) AND (starts_ms IS NULL"
        " OR cardinality(starts_ms) = segments AND cardinality(ends_ms) = segments)",
        "grouped",
    ),
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

unknown_voice = sa.Table(
    "unknown_voice",
    metadata,
    columns.id_(),
    columns.now("created_at"),
    sa.Column(
        "heard_at",
        sa.DateTime(timezone=True),
        nullable=False,
        server_default=sa.func.now(),
        comment="When a voice joined last; it expires so many days later.",
    ),
    sa.Column(
        "dismissed_as", sa.Text, comment="What a person said that it is, for example tv; or NULL."
    ),
    sa.Column("ended_at", sa.DateTime(timezone=True)),
    sa.Column(
        "ended_as", sa.Text, comment="Why it has no voices any more; NULL while it has some."
    ),
    sa.Column(
        "merged_into",
        sa.BigInteger,
        sa.ForeignKey(f"{SCHEMA}.unknown_voice.id", ondelete="SET NULL"),
        index=True,
    ),
    columns.reference("speaker_id", "speaker.id", delete="SET NULL", nullable=True, index=True),
    sa.CheckConstraint(r"dismissed_as ~ '\S'", "dismissed_as"),
    sa.CheckConstraint(
        columns.one_of("ended_as", ("named", "merged", "gone", "expired")), "ended_as"
    ),
    sa.CheckConstraint("(ended_at IS NULL) = (ended_as IS NULL)", "ended_at"),
    sa.CheckConstraint("merged_into IS NULL OR ended_as = 'merged'", "merged_into"),
    sa.CheckConstraint("merged_into < id", "older_survives"),
    sa.CheckConstraint("speaker_id IS NULL OR ended_as = 'named'", "speaker_id"),
    comment="Voices of several recordings linked as one person without a name. Its number is never"
    " used again.",
)

unknown_voice_mean = sa.Table(
    "unknown_voice_mean",
    metadata,
    columns.reference("unknown_voice_id", "unknown_voice.id"),
    *columns.vector(),
    sa.Column(
        "length",
        sa.Double,
        nullable=False,
        comment="Length of the mean of its voices; embedding has the direction.",
    ),
    sa.Column("impostor_mean", sa.Double, nullable=False, comment="Mean of its voices'."),
    sa.Column("level", sa.Double, nullable=False, comment="Mean level of its voices."),
    sa.Column("voices", sa.Integer, nullable=False, comment="How many voices it has."),
    columns.milliseconds("clean_ms", "Clean speech of its voices."),
    columns.milliseconds("speech_ms", "All speech of its voices: what a name would name."),
    sa.PrimaryKeyConstraint("encoder_id", "unknown_voice_id"),
    sa.Index("unknown_voice_mean_speech_idx", "speech_ms", "unknown_voice_id"),
    sa.CheckConstraint("voices > 0", "voices"),
    sa.CheckConstraint("clean_ms >= 0", "clean_ms"),
    sa.CheckConstraint("speech_ms >= 0", "speech_ms"),
    comment="The mean of the voices of an unknown voice, to link new voices with.",
)

linked_voice = sa.Table(
    "linked_voice",
    metadata,
    columns.reference("video_id", "video.id"),
    sa.Column("label", sa.Text, nullable=False, comment="As in voice."),
    columns.encoder(),
    columns.reference("unknown_voice_id", "unknown_voice.id", index=True),
    sa.Column(
        "impostor_mean",
        sa.Double,
        nullable=False,
        comment="How similar voices of other people are to those of its recording, on average.",
    ),
    sa.Column(
        "level",
        sa.Double,
        nullable=False,
        comment="Two voices are linked if their similarity reaches the lower impostor_mean and both"
        " levels.",
    ),
    columns.now("linked_at"),
    sa.PrimaryKeyConstraint("video_id", "encoder_id", "label"),
    comment="Which unknown voice a voice of a recording belongs to.",
)

verdict = sa.Table(
    "verdict",
    metadata,
    columns.id_(),
    columns.reference("act_id", "act.id", delete="SET NULL", nullable=True, index=True),
    columns.reference("video_id", "video.id", index=True),
    sa.Column("spans", INT4MULTIRANGE, nullable=False, comment="In milliseconds, on the grid."),
    sa.Column("holds", sa.Boolean, nullable=False, comment="True: is this person; false: is not."),
    columns.reference("speaker_id", "speaker.id", nullable=True, index=True),
    columns.reference("unknown_voice_id", "unknown_voice.id", nullable=True, index=True),
    sa.Column(
        "run_ids",
        ARRAY(sa.BigInteger),
        nullable=False,
        server_default=sa.text("'{}'"),
        comment="The runs of kind pin that changed stored labels accordingly, one per encoder.",
    ),
    sa.Column("author", sa.Text, nullable=False, server_default=sa.text("session_user")),
    columns.now("created_at"),
    sa.CheckConstraint(
        "NOT isempty(spans) AND lower(spans) >= 0 AND NOT upper_inf(spans)", "spans"
    ),
    sa.CheckConstraint("num_nonnulls(speaker_id, unknown_voice_id) <= 1", "one_person"),
    sa.CheckConstraint("holds OR num_nonnulls(speaker_id, unknown_voice_id) = 1", "holds"),
    comment="A person's word: who speaks in these spans of a recording, or who does not; a speaker,"
    " an unknown voice, or nobody known (both NULL). It holds for every encoder; of two that"
    " contradict each other, the newer one.",
)
