"""What the tables have in common: their metadata, and columns and constraints that recur."""

from __future__ import annotations

import sqlalchemy as sa
from pgvector.sqlalchemy import VECTOR

from pgvoice.store.database.layout import SCHEMA

#: How far from 1 the length of a stored vector may be (float32 rounding stays below 1e-6).
UNIT_TOLERANCE = 1e-4
#: A path into an object, to its first value that is not a whole number from 0 to a billion.
NOT_A_COUNT = (
    'strict $.keyvalue().value ? (!(@.type() == "number") || !(@ >= 0 && @ <= 1000000000)'
    " || !(@.floor() == @))"
)

metadata = sa.MetaData(
    schema=SCHEMA,
    naming_convention={
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "pk": "%(table_name)s_pkey",
    },
)


def id_() -> sa.Column[int]:
    """A number that Postgres assigns, the primary key."""
    return sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True)


def only_row() -> tuple[sa.Column[bool] | sa.CheckConstraint, ...]:
    """A primary key that allows one row in the table."""
    return (
        sa.Column("only_row", sa.Boolean, primary_key=True, server_default=sa.text("true")),
        sa.CheckConstraint("only_row", "only_row"),
    )


def now(name: str) -> sa.Column[object]:
    """A time that defaults to now."""
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now())


def flag(name: str, comment: str | None = None) -> sa.Column[bool]:
    """A boolean that defaults to false."""
    return sa.Column(
        name, sa.Boolean, nullable=False, server_default=sa.text("false"), comment=comment
    )


def milliseconds(name: str, comment: str) -> sa.Column[int]:
    """How long somebody speaks; 0 until it is computed."""
    return sa.Column(
        name, sa.BigInteger, nullable=False, server_default=sa.text("0"), comment=comment
    )


def reference(
    name: str, target: str, *, delete: str = "CASCADE", nullable: bool = False, index: bool = False
) -> sa.Column[int]:
    """The id of a row elsewhere, and what happens when that row is deleted."""
    key = sa.ForeignKey(f"{SCHEMA}.{target}", ondelete=delete)
    return sa.Column(name, sa.BigInteger, key, nullable=nullable, index=index)


def encoder() -> sa.Column[int]:
    """The id of an encoder, which cannot be deleted while it is used."""
    return sa.Column(
        "encoder_id", sa.Integer, sa.ForeignKey(f"{SCHEMA}.encoder.id"), nullable=False
    )


def vector(
    *, nullable: bool = False
) -> tuple[sa.Column[object] | sa.ForeignKeyConstraint | sa.CheckConstraint, ...]:
    """An encoder and a vector; a composite key ensures that it has the encoder's dimension."""
    return (
        sa.Column("encoder_id", sa.Integer, nullable=False),
        sa.Column("dimension", sa.Integer, nullable=False),
        sa.Column("embedding", VECTOR(), nullable=nullable),
        sa.ForeignKeyConstraint(
            ["encoder_id", "dimension"], [f"{SCHEMA}.encoder.id", f"{SCHEMA}.encoder.dimension"]
        ),
        sa.CheckConstraint("vector_dims(embedding) = dimension", "dimension"),
        sa.CheckConstraint(f"abs(vector_norm(embedding) - 1) < {UNIT_TOLERANCE}", "unit_length"),
    )


def span() -> tuple[sa.Column[int] | sa.CheckConstraint, ...]:
    """Start and end in milliseconds."""
    return (
        sa.Column("start_ms", sa.Integer, nullable=False),
        sa.Column("end_ms", sa.Integer, nullable=False),
        sa.CheckConstraint("0 <= start_ms AND start_ms <= end_ms", "span"),
    )


def segment() -> tuple[sa.Column[int], ...]:
    """A segment's key without foreign keys, as the segment may be deleted already."""
    return (
        sa.Column("video_id", sa.BigInteger, nullable=False),
        sa.Column("start_ms", sa.Integer, nullable=False),
        sa.Column("end_ms", sa.Integer, nullable=False),
        sa.Column("encoder_id", sa.Integer, nullable=False),
    )


def one_of(column: str, values: tuple[str, ...]) -> str:
    """A condition: the column has one of these values."""
    return f"{column} IN ({', '.join(repr(value) for value in values)})"
