"""Where somebody speaks: who comes second is looked up where it was kept.

Revision ID: 0023
"""

from __future__ import annotations

from alembic import op

from pgvoice.migrations.sql_files import execute_file

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    execute_file("0023_runner_up.sql")


def downgrade() -> None:
    execute_file(
        "0010_calibration.sql",
        {
            "pgvoice.least_required(": "pgvoice.least_similarity(",
            "pgvoice.required(\n        encoder, near.end_ms - near.start_ms,": (
                "pgvoice.required_of(\n        encoder, near.video_id, near.start_ms, near.end_ms,"
                " target.speaker_id,"
            ),
        },
        start="CREATE OR REPLACE FUNCTION pgvoice.speaker_segments(",
        end="COMMENT ON FUNCTION pgvoice.speaker_segments IS",
    )
    op.execute("DROP FUNCTION pgvoice.segments_of, pgvoice.are_others_compared")
    execute_file(
        "0009_appearances.sql",
        {"CREATE FUNCTION": "CREATE OR REPLACE FUNCTION"},
        start="CREATE FUNCTION pgvoice.rival(",
        end="-- In plpgsql, because",
    )
