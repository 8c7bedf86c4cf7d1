"""The roles of a server: who may read, search, fill, and enroll and erase."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, text

from pgvoice.store.database.sessions import driver_connection
from pgvoice.store.errors import RolesForbidden

#: What each role may do, to show.
ROLES = {
    "pgvoice_reader": "reads everything except vectors",
    "pgvoice_searcher": "also compares segments with each other",
    "pgvoice_writer": "reads, and fills",
    "pgvoice_admin": "reads vectors too; enrolls, labels, erases",
}
_GRANTS = Path(__file__).parents[2] / "migrations" / "grants.sql"


@dataclass(frozen=True, slots=True)
class Role:
    """A role of the server, and its state in this database."""

    name: str
    purpose: str
    exists: bool
    #: Whether it has its rights in this database.
    granted: bool
    #: Logins and roles that are members of it.
    members: tuple[str, ...]


def status(connection: Connection) -> list[Role]:
    """All roles, including those that do not exist yet."""
    rows = connection.execute(
        text(
            "SELECT asked.name, r.oid IS NOT NULL,"
            " coalesce(has_schema_privilege(r.oid, to_regnamespace('pgvoice'), 'USAGE'), false),"
            " ARRAY(SELECT CAST(member.rolname AS text) FROM pg_auth_members m"
            " JOIN pg_roles member ON member.oid = m.member WHERE m.roleid = r.oid"
            " GROUP BY member.rolname ORDER BY member.rolname)"
            " FROM unnest(CAST(:names AS text[])) WITH ORDINALITY AS asked(name, place)"
            " LEFT JOIN pg_roles r ON r.rolname = asked.name ORDER BY asked.place"
        ),
        {"names": list(ROLES)},
    )
    return [
        Role(name, ROLES[name], exists, granted, tuple(members))
        for name, exists, granted, members in rows
    ]


def lacking(connection: Connection) -> str | None:
    """How to make the roles work in this database; None if they do."""
    found = status(connection)
    if missing := _missing(found):
        return (
            f"this server does not have {', '.join(missing)}: ask somebody who may create roles to"
            f" run `{_creation(missing)}`, then run `pgvoice db roles --create`"
        )
    if not all(role.granted for role in found):
        return (
            "the roles have no rights in this database: run `pgvoice db roles --create` as the"
            " owner of its tables"
        )
    return None


def lacking_to_fill(connection: Connection) -> str | None:
    """How to let the connection's user fill; None if it may."""
    may, user = connection.execute(
        text(
            "SELECT has_column_privilege('pgvoice.segment_embedding', 'embedding', 'INSERT'),"
            " quote_ident(current_user)"
        )
    ).one()
    if may:
        return None
    return f"{user} may read but not fill, which needs the role: `GRANT pgvoice_writer TO {user}`"


def create(connection: Connection) -> None:
    """Create the missing roles; raises `RolesForbidden`.

    Roles belong to the server, so others may create them at the same moment from other databases.
    """
    missing = _missing(status(connection))
    if not missing:
        return
    if not connection.scalar(
        text("SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user")
    ):
        raise RolesForbidden(
            "this user may not create roles: ask somebody who may to run"
            f" `{_creation(missing)}`, then run `pgvoice db roles --create` again"
        )
    for name in missing:
        connection.execute(
            text(
                f"DO $$ BEGIN CREATE ROLE {name} NOLOGIN;"
                " EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
            )
        )


def _missing(found: list[Role]) -> list[str]:
    return [role.name for role in found if not role.exists]


def _creation(names: list[str]) -> str:
    """The statements that somebody who may create roles runs once on a server."""
    return " ".join(f"CREATE ROLE {name} NOLOGIN;" for name in names)


def grant(connection: Connection) -> None:
    """Grant the existing roles their rights, and revoke all others; safe to repeat."""
    driver_connection(connection).execute(_GRANTS.read_bytes())


def create_where_allowed(connection: Connection) -> None:
    """Create the roles, and grant the existing ones their rights, as far as this user may."""
    with suppress(RolesForbidden):
        create(connection)
    if connection.scalar(
        text("SELECT pg_has_role(nspowner, 'USAGE') FROM pg_namespace WHERE nspname = 'pgvoice'")
    ):
        grant(connection)
