"""Consent that enrollment needs, segments that were erased, and people who are to stay out.

Revision ID: 0013
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

from pgvoice.migrations import creation
from pgvoice.migrations.sql_files import execute_file

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    execute_file("0013_privacy.sql")
    # A store that was there before keeps working as it did; one that this transaction makes is new.
    op.execute(
        text(
            "UPDATE pgvoice.setting SET consent_required = :required AND created_at = now()"
        ).bindparams(required=creation.consent())
    )


def downgrade() -> None:
    execute_file("0013_privacy_down.sql")
