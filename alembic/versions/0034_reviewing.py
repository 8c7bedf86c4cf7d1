"""Keep how long voices speak, so that unknown voices can be listed by it.

Revision ID: 0034
"""

from __future__ import annotations

from alembic import op

from pgvoice.migrations import function_files
from pgvoice.store.models import metadata

revision = "0034"
down_revision = "0033"

COLUMNS = (
    *(("voice", "speech_ms"), ("unknown_voice_mean", "clean_ms")),
    ("unknown_voice_mean", "speech_ms"),
)
#: As keep_voices, keep_grouped_voices and keep_means compute them.
SPOKEN = """
UPDATE pgvoice.voice AS v SET speech_ms = coalesce(
    (SELECT sum(e - s) FROM unnest(v.starts_ms, v.ends_ms) AS g(s, e)),
    t.ms, 0
)
FROM pgvoice.voice AS o
LEFT JOIN (
    SELECT t.video_id, t.label, sum(t.end_ms - t.start_ms) AS ms
    FROM pgvoice.turn AS t GROUP BY t.video_id, t.label
) AS t USING (video_id, label)
WHERE (v.video_id, v.encoder_id, v.label) = (o.video_id, o.encoder_id, o.label)
"""
SUMS = """
UPDATE pgvoice.unknown_voice_mean AS m SET clean_ms = s.clean_ms, speech_ms = s.speech_ms
FROM (
    SELECT l.unknown_voice_id, l.encoder_id, sum(v.clean_ms) AS clean_ms,
           sum(v.speech_ms) AS speech_ms
    FROM pgvoice.linked_voice AS l JOIN pgvoice.voice AS v USING (video_id, encoder_id, label)
    GROUP BY l.unknown_voice_id, l.encoder_id
) AS s
WHERE (m.unknown_voice_id, m.encoder_id) = (s.unknown_voice_id, s.encoder_id)
"""


def upgrade() -> None:
    for table, name in COLUMNS:
        column = metadata.tables[f"pgvoice.{table}"].c[name]
        op.add_column(table, column._copy(), schema="pgvoice")
        op.create_check_constraint(name, table, f"{name} >= 0", schema="pgvoice")
    op.create_index(
        "unknown_voice_mean_speech_idx",
        "unknown_voice_mean",
        ["speech_ms", "unknown_voice_id"],
        schema="pgvoice",
    )
    op.create_index("video_audio_sha256_idx", "video", ["audio_sha256"], schema="pgvoice")
    op.execute(SPOKEN)
    op.execute(SUMS)


def downgrade() -> None:
    function_files.drop(op.get_bind())
    op.drop_index("video_audio_sha256_idx", "video", schema="pgvoice")
    op.drop_index("unknown_voice_mean_speech_idx", "unknown_voice_mean", schema="pgvoice")
    for table, name in COLUMNS:
        op.drop_column(table, name, schema="pgvoice")
