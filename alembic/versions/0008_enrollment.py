"""How well people are enrolled: exemplars held against each other, outliers left out and restored.

Revision ID: 0008
"""

from __future__ import annotations

from pgvoice.migrations.sql_files import execute_file

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    execute_file("0008_enrollment.sql")


def downgrade() -> None:
    execute_file("0008_enrollment_down.sql")
    execute_file(
        "0002_functions.sql",
        start="CREATE FUNCTION pgvoice.refresh_profile",
        end="CREATE FUNCTION pgvoice.identify",
    )
