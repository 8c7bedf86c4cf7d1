"""Thresholds from the library's own data, one rule for all who judge, and the trials to find them.

Revision ID: 0010
"""

from __future__ import annotations

from pgvoice.migrations.sql_files import execute_file

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    execute_file("0010_calibration.sql")


def downgrade() -> None:
    execute_file("0010_calibration_down.sql")
    execute_file(
        "0004_labels.sql",
        start="CREATE FUNCTION pgvoice.apply_verdicts",
        end="CREATE FUNCTION pgvoice.keep_labels",
    )
    execute_file(
        "0002_functions.sql",
        start="CREATE FUNCTION pgvoice.identify",
        end="CREATE FUNCTION pgvoice.speaker_segments",
    )
    execute_file(
        "0009_appearances.sql", start="CREATE OR REPLACE FUNCTION pgvoice.speaker_segments"
    )
    execute_file(
        "0005_search.sql",
        start="CREATE FUNCTION pgvoice.near_statement",
        end="CREATE FUNCTION pgvoice.indexed_segments",
    )
    execute_file(
        "0005_search.sql",
        start="CREATE FUNCTION pgvoice.near_segments",
        end="CREATE FUNCTION pgvoice.similar_segments",
    )
