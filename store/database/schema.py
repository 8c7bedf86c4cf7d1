"""The schema's revisions: which one a database has, upgrade and downgrade."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from psycopg.errors import InsufficientPrivilege, InvalidSchemaName
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import ProgrammingError

from pgvoice.store.database import exposure, roles
from pgvoice.store.database.failures import first_line, sqlstate
from pgvoice.store.database.layout import MAX_PARTITIONS, SCHEMA
from pgvoice.store.database.locks import UPGRADE_PATIENCE, patient, take_turns
from pgvoice.store.database.preparing import FORBIDDEN, pgvector_version, server_message
from pgvoice.store.errors import (
    OpenedToRead,
    RoleMissing,
    RolesForbidden,
    SchemaForbidden,
    SchemaMismatch,
)
from pgvoice.store.keys import DEFAULT_GRID_MS, GRIDS_MS

#: The newest revision; a constant, so that checking a store does not import alembic.
HEAD = "0038"
#: The oldest revision that can be upgraded.
OLDEST = "0024"
_MIGRATIONS = Path(__file__).parents[2] / "migrations"


class SchemaState(NamedTuple):
    """The revision and options of a store; the revision is None if there is no store."""

    revision: str | None
    grid_ms: int | None
    #: Of the table of vectors; None also if an older revision does not note it.
    partitions: int | None = None
    #: The digest of its function files; None also if an older revision does not note it.
    functions: str | None = None
    #: The version of the extension; None if it was not created.
    pgvector: str | None = None


@cache
def functions_digest() -> str:
    """The digest of this pgvoice's function files, of their guards and of its grants."""
    files = [*sorted((_MIGRATIONS / "functions").glob("*.sql")), *sorted(_MIGRATIONS.glob("*.sql"))]
    digest = sha256()
    for file in files:
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def state(connection: Connection) -> SchemaState:
    """The state of the store in this database, in one round trip.

    Raises `SchemaForbidden`, and `RoleMissing` if it is asked as a role without rights.
    """
    try:
        row = connection.execute(
            text(
                "SELECT (SELECT version_num FROM pgvoice.alembic_version),"
                " (SELECT (to_jsonb(s) ->> 'grid_ms')::integer FROM pgvoice.setting s),"
                " (SELECT (to_jsonb(s) ->> 'partitions')::integer FROM pgvoice.setting s),"
                " (SELECT to_jsonb(s) ->> 'functions' FROM pgvoice.setting s),"
                " (SELECT extversion FROM pg_extension WHERE extname = 'vector')"
            )
        ).one()
    except OpenedToRead as error:
        raise RoleMissing(
            f"the roles have no rights in this database ({error.answer}): run"
            " `pgvoice db roles --create` as the owner of its tables"
        ) from error
    except ProgrammingError as error:
        connection.rollback()
        if sqlstate(error) == FORBIDDEN:
            raise SchemaForbidden(
                f"this user may not read the schema {SCHEMA} ({server_message(error)}): grant it"
                " the role pgvoice_reader, or connect as the user who created it"
            ) from error
        return SchemaState(_revision(connection), None, pgvector=pgvector_version(connection))
    return SchemaState(*row)


def _revision(connection: Connection) -> str | None:
    """The revision of a store whose settings are not where they are now; None without a store."""
    if connection.scalar(text("SELECT to_regclass('pgvoice.alembic_version')")) is None:
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM pgvoice.alembic_version"))
    return found


def check(found: SchemaState) -> int:
    """The grid of a store that this pgvoice can use; raises `SchemaMismatch` for any other."""
    if found.revision is None:
        raise SchemaMismatch("this database has no pgvoice tables: run `pgvoice db upgrade`")
    refuse_unknown(found.revision)
    if found.revision < HEAD:
        raise SchemaMismatch(
            f"the tables are at revision {found.revision}, this pgvoice needs {HEAD}:"
            " run `pgvoice db upgrade`"
        )
    if found.grid_ms is None or not is_current(found):
        raise SchemaMismatch(
            "the SQL functions are those of another pgvoice version: run `pgvoice db upgrade`"
        )
    return found.grid_ms


def is_current(found: SchemaState) -> bool:
    """Whether a store has the tables and functions of this pgvoice."""
    return (found.revision, found.functions) == (HEAD, functions_digest())


def refuse_unknown(revision: str | None) -> None:
    """Raises `SchemaMismatch` for a revision that this pgvoice can neither use nor upgrade."""
    if revision is not None and revision < OLDEST:
        raise SchemaMismatch(
            f"the tables are at revision {revision}, and this pgvoice upgrades them from {OLDEST}"
            " on: run `pgvoice db upgrade` with pgvoice 0.1.0 first, then with this one"
        )
    if revision is not None and revision > HEAD:
        raise SchemaMismatch(
            f"the tables are at revision {revision}, this pgvoice knows {HEAD}:"
            " install a newer pgvoice"
        )


def upgrade(
    engine: Engine,
    revision: str = "head",
    *,
    grid_ms: int = DEFAULT_GRID_MS,
    partitions: int = 1,
    consent: bool = True,
    keep_text: bool = False,
) -> None:
    """Create or upgrade the schema in one transaction.

    `grid_ms`, `partitions`, `consent` (whether enrolling requires consent) and `keep_text` (whether
    the text of turns is stored) only affect a new store. Raises `ValueError` if the grid is not in
    `GRIDS_MS`, or if `partitions` is not between 1 and `MAX_PARTITIONS`, and `SchemaOpen` if
    somebody might slip code under the functions.
    """
    if grid_ms not in GRIDS_MS:
        raise ValueError(f"a grid of {grid_ms} ms is not one of {GRIDS_MS}")
    if not 1 <= partitions <= MAX_PARTITIONS:
        raise ValueError(f"{partitions} partitions are not between 1 and {MAX_PARTITIONS}")
    options = {"grid_ms": grid_ms, "partitions": partitions, "consent": consent}
    _migrate(engine, revision, up=True, **options, keep_text=keep_text)


def downgrade(engine: Engine, revision: str) -> None:
    """Go back to an older revision, or to none (``base``); data of newer revisions is lost.

    This drops the functions, as they need the newest tables; an upgrade creates them again.
    """
    _migrate(engine, revision, up=False)


def give_roles(engine: Engine) -> None:
    """Create the roles and grant them their rights; raises `RolesForbidden` and `SchemaOpen`."""
    with engine.begin() as connection, patient(connection, "granting rights", UPGRADE_PATIENCE):
        try:
            take_turns(connection)
            exposure.refuse_open_schema(connection)
            roles.create(connection)
            roles.grant(connection)
        except InsufficientPrivilege as error:
            raise RolesForbidden(
                f"this user may not grant rights in the schema {SCHEMA} ({first_line(error)}):"
                " connect as the user who created it"
            ) from error
        except InvalidSchemaName as error:
            raise SchemaMismatch(
                "this database has no functions yet for these rights: run `pgvoice db upgrade`"
            ) from error


def _migrate(engine: Engine, revision: str, *, up: bool, **attributes: object) -> None:
    from alembic import command  # reading a store must not import it
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    with engine.begin() as connection, patient(connection, "the upgrade", UPGRADE_PATIENCE):
        config.attributes |= {"connection": connection} | attributes
        try:
            (command.upgrade if up else command.downgrade)(config, revision)
        except InsufficientPrivilege as error:
            raise SchemaForbidden(
                f"this user may not change the schema {SCHEMA} ({first_line(error)}): connect as"
                " the user who created it"
            ) from error
