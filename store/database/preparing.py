"""Makes a database ready for the schema: extension, schemas, owner and search path."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, TextClause, inspect, text
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError
from sqlalchemy.schema import CreateSchema

from pgvoice.store.database.exposure import refuse_open_schema
from pgvoice.store.database.failures import first_line, sqlstate
from pgvoice.store.database.layout import INTERNAL_SCHEMA, SCHEMA
from pgvoice.store.database.locks import take_turns
from pgvoice.store.errors import (
    ConnectionLost,
    DatabaseError,
    ExtensionForbidden,
    PgvectorCrashed,
    PgvectorMissing,
    PgvectorTooOld,
    SchemaForbidden,
)

#: The first pgvector with iterative index scans.
MIN_PGVECTOR = (0, 8)
#: By the version that fixed it: what older versions of pgvector do.
_FAULTS = {
    (0, 8, 2): "parallel builds of an index can crash the server or copy data of other tables into"
    " it (CVE-2026-3172)",
    (0, 8, 3): "VACUUM can corrupt an index",
    (0, 8, 4): 'VACUUM can fail with "hnsw graph not repaired"',
}
#: The first pgvector that builds an index in parallel without harm.
_SAFE_PARALLEL_BUILDS = (0, 8, 2)
#: What helps against all of them.
PGVECTOR_REMEDY = (
    f"install pgvector {'.'.join(map(str, max(_FAULTS)))} or newer on the server, run `ALTER"
    " EXTENSION vector UPDATE` in this database, and build the index again (`pgvoice index drop`,"
    " then `pgvoice index build`)"
)
#: The SQLSTATE for missing rights.
FORBIDDEN = "42501"
#: Those for what exists already, or was created at the same moment.
_THERE = ("23505", "42P06", "42710")


def prepare(connection: Connection) -> None:
    """Create the extension and the schemas, and set the search path of this transaction.

    Concurrent upgrades take turns. Raises the error that names what the server lacks.
    """
    _ensure_extension(connection)
    _ensure_schema(connection, SCHEMA)
    take_turns(connection)
    _ensure_schema(connection, INTERNAL_SCHEMA, _owner(connection))
    refuse_open_schema(connection)
    connection.execute(
        text("SELECT set_config('search_path', :path, true)"),
        {"path": f"{SCHEMA}, {vector_schema(connection)}, pg_temp"},
    )
    _ensure_distance_works(connection)


def vector_schema(connection: Connection) -> str:
    """The schema of pgvector's types and operators, quoted for a statement."""
    found: str = connection.scalar(
        text(
            "SELECT quote_ident(nspname) FROM pg_namespace WHERE oid = (SELECT extnamespace"
            " FROM pg_extension WHERE extname = 'vector')"
        )
    )
    return found


def pgvector_version(connection: Connection) -> str | None:
    """The version of the extension in this database; None if it was not created."""
    found: str | None = connection.scalar(
        text("SELECT extversion FROM pg_extension WHERE extname = 'vector'")
    )
    return found


def pgvector_risks(version: str | None) -> tuple[str, ...]:
    """The known faults of a pgvector, each with the version that fixed it."""
    if version is None:
        return ()
    return tuple(
        f"{fault} (fixed in pgvector {'.'.join(map(str, fixed))})"
        for fixed, fault in _FAULTS.items()
        if _numbers(version) < fixed
    )


def pgvector_warning(version: str | None) -> str | None:
    """The risks of a pgvector and the remedy, in one line; None if there are none."""
    risks = "; ".join(pgvector_risks(version))
    return f"pgvector {version} has faults: {risks}: {PGVECTOR_REMEDY}" if risks else None


def refuse_parallel_builds(version: str | None) -> str | None:
    """Why an index must be built without parallel workers; None if it need not."""
    if version is None or _numbers(version) >= _SAFE_PARALLEL_BUILDS:
        return None
    return f"with pgvector {version}, {pgvector_risks(version)[0]}: {PGVECTOR_REMEDY}"


@contextmanager
def acting_as_owner(connection: Connection) -> Iterator[None]:
    """Give everything that is created meanwhile to the owner of the tables."""
    before = connection.scalar(text("SELECT current_setting('role')"))
    act_as = text("SELECT set_config('role', :role, true)")
    connection.execute(act_as, {"role": _owner(connection) or before})
    yield
    connection.execute(act_as, {"role": before})


def server_message(error: ProgrammingError | OperationalError | ConnectionLost) -> str:
    """The first line of what the server answered."""
    if isinstance(error, ConnectionLost):
        return error.answer
    return first_line(error.orig or error)


def _ensure_extension(connection: Connection) -> None:
    offered = connection.scalar(
        text("SELECT default_version FROM pg_available_extensions WHERE name = 'vector'")
    )
    installed = pgvector_version(connection)
    version = installed or offered
    if version is None:
        raise PgvectorMissing(
            "the server has no pgvector: install it there (Debian and Ubuntu:"
            " postgresql-NN-pgvector from apt.postgresql.org), or unset PGVOICE_DATABASE_URL for"
            " the embedded server"
        )
    if _numbers(version) < MIN_PGVECTOR:
        updatable = offered is not None and _numbers(offered) >= MIN_PGVECTOR
        raise PgvectorTooOld(
            f"pgvector {version} is older than {'.'.join(map(str, MIN_PGVECTOR))}: "
            + ("run `ALTER EXTENSION vector UPDATE`" if updatable else "install a newer one there")
        )
    if installed is None:
        with _explaining(
            ExtensionForbidden,
            "this user may not create the extension ({answer}): ask a superuser to run"
            " `CREATE EXTENSION vector` in this database once",
        ):
            _created(connection, text("CREATE EXTENSION vector"))


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


@contextmanager
def _explaining(kind: type[DatabaseError], message: str) -> Iterator[None]:
    """Raise this error if the user lacks a right, with the server's answer in the message."""
    try:
        yield
    except ProgrammingError as error:
        if sqlstate(error) != FORBIDDEN:
            raise
        raise kind(message.format(answer=server_message(error))) from error


def _ensure_schema(connection: Connection, name: str, owner: str | None = None) -> None:
    if name in inspect(connection).get_schema_names():
        return
    with _explaining(
        SchemaForbidden,
        f"this user may not create the schema {name} ({{answer}}): ask the owner of the database to"
        f" run `CREATE SCHEMA {name} AUTHORIZATION` with this user's name",
    ):
        _created(connection, CreateSchema(name))
        if owner is not None:
            quoted = connection.dialect.identifier_preparer.quote(owner)
            connection.execute(text(f"ALTER SCHEMA {name} OWNER TO {quoted}"))


def _created(connection: Connection, statement: TextClause | CreateSchema) -> None:
    """Create what may not be there yet; another upgrade that is doing so is waited for."""
    try:
        with connection.begin_nested():
            connection.execute(statement)
    except (IntegrityError, ProgrammingError) as error:
        if sqlstate(error) not in _THERE:
            raise


def _owner(connection: Connection) -> str | None:
    """The owner of the tables, if they exist and this user may act as that role."""
    found: str | None = connection.scalar(
        text(
            "SELECT CAST(pg_get_userbyid(relowner) AS text) FROM pg_class"
            " WHERE oid = to_regclass('pgvoice.setting') AND pg_has_role(relowner, 'MEMBER')"
        )
    )
    return found


def _ensure_distance_works(connection: Connection) -> None:
    """A prebuilt pgvector can crash the server with an illegal instruction."""
    try:
        connection.execute(
            text("SELECT v <#> v FROM (SELECT array_fill(1, ARRAY[192])::vector AS v) AS one")
        )
    except (OperationalError, ConnectionLost) as error:
        raise PgvectorCrashed(
            "the server crashed when it computed the distance of two vectors"
            f" ({server_message(error)}): its processor is too old for this build of pgvector; set"
            " PGVOICE_DATABASE_URL to a server whose pgvector was built for its processor"
        ) from error
