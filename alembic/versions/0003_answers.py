"""What people ask in psql, and the roles that may ask it.

Revision ID: 0003
"""

from __future__ import annotations

from pgvoice.migrations.sql_files import execute_file

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    execute_file("0003_answers.sql")


def downgrade() -> None:
    execute_file("0003_answers_down.sql")
    execute_file("0002_functions.sql", start="CREATE FUNCTION pgvoice.speaker_segments")
