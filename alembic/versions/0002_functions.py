"""The functions that people in psql and the Python API call alike.

Revision ID: 0002
"""

from __future__ import annotations

from alembic import op

from pgvoice.migrations.sql_files import execute_file

revision = "0002"
down_revision = "0001"

FUNCTIONS = (
    "speaker_segments",
    "identify",
    "exemplar_similarity",
    "refresh_profile",
    "sole_encoder",
    "encoder_id",
    "similarity(double precision)",
    "snap_ms(double precision)",
    "snap_ms(double precision, integer)",
)


def upgrade() -> None:
    execute_file("0002_functions.sql")


def downgrade() -> None:
    for function in FUNCTIONS:
        op.execute(f"DROP FUNCTION pgvoice.{function}")
