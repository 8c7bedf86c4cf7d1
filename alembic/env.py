"""Run migrations on a given connection, or on the database that the settings name."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from pgvoice.store.database import open_database
from pgvoice.store.keys import DEFAULT_GRID_MS
from pgvoice.store.models import SCHEMA, metadata
from pgvoice.store.schema import fix_grid, prepare


def _ours(name: str | None, type_: str, parents: object) -> bool:
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
    fix_grid(connection, context.config.attributes.get("grid_ms", DEFAULT_GRID_MS))


if context.is_offline_mode():
    raise SystemExit("pgvoice's migrations look at the database: run them without --sql")
given = context.config.attributes.get("connection")
if given is not None:
    _migrate(given)
else:
    with open_database() as database, database.engine.begin() as connection:
        _migrate(connection)
