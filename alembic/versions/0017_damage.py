"""Damage that `verify` passed over: profiles of another length, labels of what is gone.

Revision ID: 0017
"""

from __future__ import annotations

from pgvoice.migrations.sql_files import execute_file

revision = "0017"
down_revision = "0013"


def upgrade() -> None:
    execute_file("0017_damage.sql")


def downgrade() -> None:
    execute_file(
        "0011_verify.sql",
        {
            "CREATE FUNCTION pgvoice.verify": "CREATE OR REPLACE FUNCTION pgvoice.verify",
            "'non_finite')": "'non_finite', 'erased')",
        },
        start="CREATE FUNCTION pgvoice.verify",
    )
