"""The schema's life: prepare a database for it, upgrade, downgrade, say which revision is there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from psycopg.errors import InsufficientPrivilege, InvalidSchemaName
from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.schema import CreateSchema

from pgvoice.store import roles
from pgvoice.store.errors import (
    ConnectionLost,
    ExtensionForbidden,
    PgvectorCrashed,
    PgvectorMissing,
    PgvectorTooOld,
    RolesForbidden,
    SchemaForbidden,
    SchemaMismatch,
)
from pgvoice.store.failures import sqlstate
from pgvoice.store.keys import DEFAULT_GRID_MS, GRIDS_MS
from pgvoice.store.models import INTERNAL_SCHEMA, MAX_PARTITIONS, SCHEMA

#: The newest revision; known here so that a look at the schema does not import alembic.
HEAD = "0025"
#: The oldest revision that can be upgraded.
OLDEST = "0024"
#: Iterative index scans came with it.
MIN_PGVECTOR = (0, 8)
_FORBIDDEN = "42501"
_MIGRATIONS = Path(__file__).parent.parent / "migrations"


class SchemaState(NamedTuple):
    """What a look at a database finds; None where pgvoice's tables are not there."""

    revision: str | None
    grid_ms: int | None
    #: Of the table of vectors; None also where an older revision does not say.
    partitions: int | None = None
    #: The digest of its function files; None also where an older revision does not say.
    functions: str | None = None


@cache
def functions_digest() -> str:
    """The digest of the function files, and of the rights, that this pgvoice has."""
    files = [*sorted((_MIGRATIONS / "functions").glob("*.sql")), _MIGRATIONS / "grants.sql"]
    digest = sha256()
    for file in files:
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def state(connection: Connection) -> SchemaState:
    """What the store in this database is like, in one round trip where there is one."""
    try:
        row = connection.execute(
            text(
                "SELECT (SELECT version_num FROM pgvoice.alembic_version),"
                " (SELECT grid_ms FROM pgvoice.setting),"
                " (SELECT (to_jsonb(s) ->> 'partitions')::integer FROM pgvoice.setting s),"
                " (SELECT to_jsonb(s) ->> 'functions' FROM pgvoice.setting s)"
            )
        ).one()
    except ProgrammingError as error:
        connection.rollback()
        if sqlstate(error) == _FORBIDDEN:
            raise SchemaForbidden(
                f"this user may not read the schema {SCHEMA} ({_message(error)}): grant it"
                " the role pgvoice_reader, or connect as the user who created it"
            ) from error
        return SchemaState(None, None)
    return SchemaState(*row)


def check(found: SchemaState) -> int:
    """The grid of a store that this pgvoice can use; raises `SchemaMismatch` for any other."""
    if found.revision is None or found.grid_ms is None:
        raise SchemaMismatch("pgvoice's tables are not in this database: run `pgvoice db upgrade`")
    refuse_unknown(found.revision)
    if found.revision < HEAD:
        raise SchemaMismatch(
            f"the tables are at revision {found.revision}, this pgvoice needs {HEAD}:"
            " run `pgvoice db upgrade`"
        )
    if not is_current(found):
        raise SchemaMismatch(
            "the SQL functions are those of another pgvoice: run `pgvoice db upgrade`"
        )
    return found.grid_ms


def is_current(found: SchemaState) -> bool:
    """Whether a store has the tables and functions of this pgvoice."""
    return (found.revision, found.functions) == (HEAD, functions_digest())


def refuse_unknown(revision: str | None) -> None:
    """Raises `SchemaMismatch` for tables that this pgvoice can neither use nor upgrade."""
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
) -> None:
    """Create or upgrade the schema, all in one transaction.

    `grid_ms`, `partitions` and `consent`, whether nobody is enrolled without one, are for a store
    that is not there yet. Raises `ValueError` for a grid that is not in `GRIDS_MS`, and for less
    than one partition or more than `MAX_PARTITIONS`.
    """
    if grid_ms not in GRIDS_MS:
        raise ValueError(f"a grid of {grid_ms} ms is not one of {GRIDS_MS}")
    if not 1 <= partitions <= MAX_PARTITIONS:
        raise ValueError(f"{partitions} partitions are not between 1 and {MAX_PARTITIONS}")
    _migrate(engine, revision, up=True, grid_ms=grid_ms, partitions=partitions, consent=consent)


def downgrade(engine: Engine, revision: str) -> None:
    """Go back to an older revision, ``base`` for none; what only newer revisions hold is lost.

    The functions are dropped, as they need the newest tables; an upgrade brings them back.
    """
    _migrate(engine, revision, up=False)


def prepare(connection: Connection) -> None:
    """Make a database ready for the schema: extension, schemas, search path of this session.

    Serialises concurrent upgrades. Raises the error that names what the server lacks.
    """
    _take_turns(connection)
    _ensure_extension(connection)
    _ensure_schema(connection, SCHEMA)
    _ensure_schema(connection, INTERNAL_SCHEMA, _owner(connection))
    connection.execute(
        text(
            "SELECT set_config('search_path', 'pgvoice, ' || quote_ident(n.nspname) || ', pg_temp',"
            " true) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace"
            " WHERE e.extname = 'vector'"
        )
    )
    _ensure_distance_works(connection)


def give_roles(engine: Engine) -> None:
    """Create the roles and give them their rights; raises `RolesForbidden`."""
    with engine.begin() as connection:
        _take_turns(connection)
        roles.create(connection)
        try:
            roles.grant(connection)
        except InsufficientPrivilege as error:
            raise RolesForbidden(
                f"this user may not give rights in the schema {SCHEMA}"
                f" ({str(error).splitlines()[0]}): connect as the user who created it"
            ) from error
        except InvalidSchemaName as error:
            raise SchemaMismatch(
                "the rights are for newer functions than there are: run `pgvoice db upgrade`"
            ) from error


def _take_turns(connection: Connection) -> None:
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('pgvoice.schema', 0))"))


def pgvector_version(connection: Connection) -> str | None:
    """The version of the extension in this database, None where it is not created."""
    found: str | None = connection.scalar(
        text("SELECT extversion FROM pg_extension WHERE extname = 'vector'")
    )
    return found


def _ensure_extension(connection: Connection) -> None:
    offered = connection.scalar(
        text("SELECT default_version FROM pg_available_extensions WHERE name = 'vector'")
    )
    installed = pgvector_version(connection)
    needed = ".".join(map(str, MIN_PGVECTOR))
    if offered is None and installed is None:
        raise PgvectorMissing(
            "the server has no pgvector: install it there (Debian and Ubuntu:"
            " postgresql-NN-pgvector from apt.postgresql.org), or unset PGVOICE_DATABASE_URL for"
            " the embedded server"
        )
    if _numbers(installed or offered) < MIN_PGVECTOR:
        updatable = offered is not None and _numbers(offered) >= MIN_PGVECTOR
        raise PgvectorTooOld(
            f"pgvector {installed or offered} is older than {needed}: "
            + ("run `ALTER EXTENSION vector UPDATE`" if updatable else "install a newer one there")
        )
    if installed is None:
        _create_extension(connection)


def _create_extension(connection: Connection) -> None:
    try:
        connection.execute(text("CREATE EXTENSION vector"))
    except ProgrammingError as error:
        if sqlstate(error) != _FORBIDDEN:
            raise
        raise ExtensionForbidden(
            f"this user may not create the extension ({_message(error)}): have a superuser run"
            " `CREATE EXTENSION vector` in this database once"
        ) from error


def _ensure_schema(connection: Connection, name: str, owner: str | None = None) -> None:
    if name in inspect(connection).get_schema_names():
        return
    try:
        connection.execute(CreateSchema(name))
        if owner is not None:
            quoted = connection.dialect.identifier_preparer.quote(owner)
            connection.execute(text(f"ALTER SCHEMA {name} OWNER TO {quoted}"))
    except ProgrammingError as error:
        if sqlstate(error) != _FORBIDDEN:
            raise
        raise SchemaForbidden(
            f"this user may not create the schema {name} ({_message(error)}): have the database's"
            f" owner run `CREATE SCHEMA {name} AUTHORIZATION` with this user's name"
        ) from error


def _owner(connection: Connection) -> str | None:
    """The owner of the tables, if there are some and this user may act as that role."""
    found: str | None = connection.scalar(
        text(
            "SELECT CAST(pg_get_userbyid(relowner) AS text) FROM pg_class"
            " WHERE oid = to_regclass('pgvoice.setting') AND pg_has_role(relowner, 'MEMBER')"
        )
    )
    return found


@contextmanager
def acting_as_owner(connection: Connection) -> Iterator[None]:
    """What is created meanwhile belongs to the owner of the tables, as what was there does."""
    before = connection.scalar(text("SELECT current_setting('role')"))
    _act_as(connection, _owner(connection) or before)
    yield
    _act_as(connection, before)


def _act_as(connection: Connection, role: str | None) -> None:
    connection.execute(text("SELECT set_config('role', :role, true)"), {"role": role})


def _ensure_distance_works(connection: Connection) -> None:
    """Prebuilt pgvector can die of an illegal instruction, and takes the session with it."""
    try:
        connection.execute(
            text("SELECT v <#> v FROM (SELECT array_fill(1, ARRAY[192])::vector AS v) AS one")
        )
    except (OperationalError, ConnectionLost) as error:
        raise PgvectorCrashed(
            f"the server died in a distance between two vectors ({_message(error)}): its processor"
            " is too old for this build of pgvector; use a server with a pgvector built for it,"
            " by PGVOICE_DATABASE_URL"
        ) from error


def _migrate(engine: Engine, revision: str, *, up: bool, **attributes: object) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    with engine.begin() as connection:
        config.attributes |= {"connection": connection} | attributes
        try:
            (command.upgrade if up else command.downgrade)(config, revision)
        except InsufficientPrivilege as error:
            raise SchemaForbidden(
                f"this user may not change the schema {SCHEMA} ({str(error).splitlines()[0]}):"
                " connect as the user who created it"
            ) from error


def _numbers(version: str | None) -> tuple[int, ...]:
    return tuple(int(part) for part in (version or "0").split(".")[:2] if part.isdigit())


def _message(error: ProgrammingError | OperationalError | ConnectionLost) -> str:
    if isinstance(error, ConnectionLost):
        return error.answer
    return (str(error.orig).strip() or type(error.orig).__name__).splitlines()[0]
