"""Where somebody speaks, by parallel workers.

Revision ID: 0009
"""

from __future__ import annotations

from pgvoice.migrations.sql_files import execute_file

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    execute_file("0009_appearances.sql")


def downgrade() -> None:
    execute_file("0009_appearances_down.sql")
    execute_file("0003_answers.sql", start="DROP FUNCTION pgvoice.speaker_segments")
