"""Keep with an act for whom it was done.

Revision ID: 0033
"""

from __future__ import annotations

from alembic import op

from pgvoice.migrations import function_files
from pgvoice.store.models import metadata

revision = "0033"
down_revision = "0032"

COLUMNS = ("on_behalf_of", "undone_on_behalf_of")


def upgrade() -> None:
    for name in COLUMNS:
        column = metadata.tables["pgvoice.act"].c[name]._copy()
        # Revision 0032 creates the table as it is now.
        op.add_column("act", column, schema="pgvoice", if_not_exists=True)


def downgrade() -> None:
    function_files.drop(op.get_bind())
    for name in COLUMNS:
        op.drop_column("act", name, schema="pgvoice")
