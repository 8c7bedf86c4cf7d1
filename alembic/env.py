"""Run migrations on a given connection, or in the database that the settings name."""

from __future__ import annotations

from alembic import context
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect
from sqlalchemy.schema import SetColumnComment, SetTableComment

from pgvoice.migrations import function_files
from pgvoice.store.database.connection import open_database
from pgvoice.store.database.preparing import acting_as_owner, prepare
from pgvoice.store.database.roles import create_where_allowed
from pgvoice.store.database.schema import HEAD, OLDEST, refuse_unknown
from pgvoice.store.errors import SchemaMismatch
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
    migration = context.get_context()
    with context.begin_transaction():
        with acting_as_owner(connection):
            _change_tables(migration)
            is_newest = migration.get_current_revision() == HEAD
            if _is_asked_for(migration) and is_newest:
                _comment(connection)
                function_files.apply(connection)
        if _is_asked_for(migration) and is_newest:
            create_where_allowed(connection)


def _comment(connection: Connection) -> None:
    """Give tables and columns the comments that the models have now."""
    inspector = inspect(connection)
    comments = inspector.get_multi_table_comment(SCHEMA)
    columns = inspector.get_multi_columns(SCHEMA)
    for table in metadata.sorted_tables:
        if comments[SCHEMA, table.name]["text"] != table.comment:
            connection.execute(SetTableComment(table))
        stored = {column["name"]: column["comment"] for column in columns[SCHEMA, table.name]}
        for column in table.columns:
            if stored[column.name] != column.comment:
                connection.execute(SetColumnComment(column))


def _is_asked_for(migration: MigrationContext) -> bool:
    """Whether this is an upgrade or a downgrade, and not only a comparison."""
    return "destination_rev" in migration.opts


def _change_tables(migration: MigrationContext) -> None:
    found = migration.get_current_revision()
    if found is None and _is_asked_for(migration) and context.get_revision_argument():
        _create(migration)
    else:
        refuse_unknown(found)
        context.run_migrations()


def _create(migration: MigrationContext) -> None:
    """Create the tables of a new store: run the baseline, then stamp the newest revision.

    The baseline creates the tables that the models declare, which belong to the newest revision.
    Later revisions only change existing stores, so none of them runs here.
    """
    if context.get_revision_argument() != HEAD:
        raise SchemaMismatch(
            f"there are no tables to change to revision {context.get_revision_argument()}:"
            f" a new store is created at revision {HEAD}"
        )
    baseline = context.script.get_revision(OLDEST)
    with Operations.context(migration):
        baseline.module.upgrade()
    migration.stamp(context.script, HEAD)


if context.is_offline_mode():
    raise SystemExit("pgvoice's migrations read the database: run them without --sql")
given = context.config.attributes.get("connection")
if given is not None:
    _migrate(given)
else:
    with open_database() as database, database.engine.begin() as connection:
        _migrate(connection)
