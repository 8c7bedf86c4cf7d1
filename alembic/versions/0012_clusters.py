"""Who speaks in a diarizer's clusters.

Revision ID: 0012
"""

from __future__ import annotations

from pgvoice.migrations.sql_files import execute_file

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    execute_file("0012_clusters.sql")


def downgrade() -> None:
    execute_file("0012_clusters_down.sql")
