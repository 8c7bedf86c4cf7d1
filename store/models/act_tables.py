"""What people did, and what it changed, so that it can be undone."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from pgvoice.store.models import columns
from pgvoice.store.models.columns import metadata

act = sa.Table(
    "act",
    metadata,
    columns.id_(),
    sa.Column("kind", sa.Text, nullable=False, comment="For example name, merge, pin."),
    sa.Column("subject", sa.Text, nullable=False, comment="Whom or what it was done to, to show."),
    sa.Column("details", JSONB, nullable=False, server_default=sa.text("'{}'::jsonb")),
    sa.Column("author", sa.Text, nullable=False, server_default=sa.text("session_user")),
    sa.Column(
        "on_behalf_of",
        sa.Text,
        comment="For whom the author said that it was done; nobody checked that.",
    ),
    columns.now("created_at"),
    sa.Column(
        "transaction",
        sa.BigInteger,
        nullable=False,
        comment="The transaction that did it; the act ends with it.",
    ),
    sa.Column(
        "changed",
        JSONB,
        nullable=False,
        server_default=sa.text("'{}'::jsonb"),
        comment="How many rows of each table it changed, and labels.",
    ),
    sa.Column("undone_at", sa.DateTime(timezone=True)),
    sa.Column("undone_by", sa.Text),
    sa.Column("undone_on_behalf_of", sa.Text, comment="For whom undone_by said that it was."),
    sa.Column(
        "final_because",
        sa.Text,
        comment="Why what it changed was deleted, so that it cannot be undone any more; or NULL.",
    ),
    sa.CheckConstraint("(undone_at IS NULL) = (undone_by IS NULL)", "undone_by"),
    comment="What a person did; act_change has what it changed. Never contains a vector.",
)

act_change = sa.Table(
    "act_change",
    metadata,
    columns.reference("act_id", "act.id"),
    sa.Column("place", sa.BigInteger, sa.Identity(always=True), comment="In order of changes."),
    sa.Column("relation", sa.Text, nullable=False, comment="The table."),
    sa.Column("key", JSONB, nullable=False, comment="The primary key of the row."),
    sa.Column("old", JSONB, comment="The row before; NULL if it was inserted."),
    sa.Column("new", JSONB, comment="The row afterwards; NULL if it was deleted."),
    sa.PrimaryKeyConstraint("act_id", "place"),
    sa.Index("act_change_key_idx", "relation", "key"),
    sa.CheckConstraint("num_nonnulls(old, new) > 0", "changed"),
    comment="The rows that an act changed, some with vectors. Deleted when the act is undone, or"
    " when it is too old to be undone.",
)
