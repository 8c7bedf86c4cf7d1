"""Alembic's comparison of a database with the models."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from pgvoice.store.models import PARTITION, SCHEMA, metadata


def differences(connection: Connection) -> list[object]:
    """What would have to change for the tables to be those of the models; comments count too."""
    context = MigrationContext.configure(
        connection,
        opts={
            "include_schemas": True,
            "include_name": lambda name, kind, _: (
                name == SCHEMA if kind == "schema" else not str(name).startswith(PARTITION)
            ),
            "version_table_schema": SCHEMA,
            "compare_server_default": True,
        },
    )
    return list(compare_metadata(context, metadata))
