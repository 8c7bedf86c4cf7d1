"""Link unknown voices, keep what a person said, and record acts so that they can be undone.

Revision ID: 0032
"""

from __future__ import annotations

from alembic import op

from pgvoice.migrations import function_files
from pgvoice.store.models import metadata, setting

revision = "0032"
down_revision = "0031"

TABLES = ("act", "act_change", "unknown_voice", "unknown_voice_mean", "linked_voice", "verdict")
SETTINGS = {
    "linking": None,
    "linking_since": "linking = (linking_since IS NOT NULL)",
    "false_link_rate": "false_link_rate > 0 AND false_link_rate <= 0.1",
    "unknown_voice_days": "unknown_voice_days > 0",
}
#: What pins say, in the order in which they were made.
PINS = """
INSERT INTO pgvoice.verdict (video_id, spans, holds, speaker_id, run_ids, created_at)
SELECT a.video_id, int4multirange(int4range(a.start_ms, a.end_ms)), true, a.speaker_id,
       ARRAY[r.id], r.created_at
FROM pgvoice.attribution AS a
JOIN pgvoice.attribution_run AS r ON r.id = a.run_id AND r.reverted_at IS NULL
WHERE a.pinned AND a.start_ms < a.end_ms AND (a.speaker_id IS NOT NULL OR a.reason = 'nobody')
ORDER BY a.run_id
"""
COLUMNS = ("segments", "clip_start_ms", "clip_end_ms", "starts_ms", "ends_ms")


def upgrade() -> None:
    for name, check in SETTINGS.items():
        op.add_column("setting", setting.c[name]._copy(), schema="pgvoice")
        if check is not None:
            op.create_check_constraint(name, "setting", check, schema="pgvoice")
    # Voices are computed again, with their clips.
    op.execute("DROP TABLE pgvoice.voice CASCADE")
    op.execute("DELETE FROM pgvoice.voice_cohort")
    metadata.create_all(
        op.get_bind(), [metadata.tables[f"pgvoice.{name}"] for name in ("voice", *TABLES)]
    )
    # 0034 adds them.
    op.drop_column("voice", "speech_ms", schema="pgvoice")
    for name in ("clean_ms", "speech_ms"):
        op.drop_column("unknown_voice_mean", name, schema="pgvoice")
    op.execute(PINS)


def downgrade() -> None:
    function_files.drop(op.get_bind())
    for name in ("verdict", "linked_voice", "unknown_voice_mean", "unknown_voice", *TABLES[1::-1]):
        op.drop_table(name, schema="pgvoice")
    for name in COLUMNS:
        op.drop_column("voice", name, schema="pgvoice")
    for name in SETTINGS:
        op.drop_column("setting", name, schema="pgvoice")
