"""Run migrations on a given connection, or on the database that the settings name."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, inspect

from pgvoice.store.database.connection import open_database
from pgvoice.store.database.roles import create_where_allowed
from pgvoice.store.database.schema import prepare
from pgvoice.store.models import PARTITION, SCHEMA, metadata


def _ours(name: str | None, type_: str, parents: object) -> bool:
    if type_ == "table":
        return not str(name).startswith(PARTITION)
    return type_ != "schema" or name == SCHEMA


def _migrate(connection: Connection) -> None:
    prepare(connection)
    context.configure(
        connection=connection,
        target_metadata=metadata,
        version_table_schema=SCHEMA,
        include_schemas=True,
        include_name=_ours,
        compare_server_default=True,
    )
    with context.begin_transaction():
        context.run_migrations()
    if inspect(connection).has_table("setting", SCHEMA):
        create_where_allowed(connection)


if context.is_offline_mode():
    raise SystemExit("pgvoice's migrations look at the database: run them without --sql")
given = context.config.attributes.get("connection")
if given is not None:
    _migrate(given)
else:
    with open_database() as database, database.engine.begin() as connection:
        _migrate(connection)
