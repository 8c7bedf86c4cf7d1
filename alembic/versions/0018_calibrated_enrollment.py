"""Enrollments are judged by the calibration, where there is one.

Revision ID: 0018
"""

from __future__ import annotations

from pgvoice.migrations.sql_files import execute_file

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    execute_file("0018_calibrated_enrollment.sql")


def downgrade() -> None:
    for start, end in (
        ("CREATE FUNCTION pgvoice.outlying_exemplars", "DROP FUNCTION pgvoice.exemplar_similarity"),
        ("COMMENT ON FUNCTION pgvoice.coherence", "CREATE FUNCTION pgvoice.near_duplicates"),
    ):
        execute_file(
            "0008_enrollment.sql",
            {"CREATE FUNCTION": "CREATE OR REPLACE FUNCTION"},
            start=start,
            end=end,
        )
