"""Which role a user needs who was refused a statement, derived from what the roles may do."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import LiteralString

import psycopg
from psycopg.errors import InsufficientPrivilege, ReadOnlySqlTransaction
from sqlalchemy import Connection

from pgvoice.store.database.roles import ROLES
from pgvoice.store.database.sessions import driver_connection, role_of
from pgvoice.store.errors import OpenedToRead, PrivilegeMissing

#: What the privileges on a table are needed for, as it is written in statements.
_VERBS = {
    "SELECT": r"SELECT|RETURNING|WHERE|ON CONFLICT|FOR UPDATE|SHARE",
    "INSERT": r"INSERT",
    "UPDATE": r"UPDATE|FOR (KEY )?SHARE",
    "DELETE": r"DELETE",
}
#: The first role that may do more with what the refusal names than the user may: with every verb,
#: or else with any.
_NEEDED: LiteralString = """
WITH named AS (
    SELECT 'schema' AS kind, n.oid, nspname FROM pg_namespace AS n
    WHERE nspname IN ('pgvoice', 'pgvoice_internal') AND nspname = ANY (%(words)s)
    UNION ALL
    SELECT 'function', p.oid, nspname
    FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = pronamespace
    WHERE nspname IN ('pgvoice', 'pgvoice_internal') AND proname = ANY (%(words)s)
    UNION ALL
    SELECT 'table', c.oid, nspname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace
    WHERE nspname = 'pgvoice' AND relname = ANY (%(words)s)
), who AS (
    SELECT rolname::text AS name, array_position(%(roles)s::text[], rolname::text) AS place
    FROM pg_roles WHERE rolname = ANY (%(roles)s) OR rolname = current_user
), may AS (
    SELECT who.name, who.place, verb, (CASE kind
        WHEN 'schema' THEN has_schema_privilege(who.name, named.oid, 'USAGE')::integer
        WHEN 'function' THEN has_function_privilege(who.name, named.oid, 'EXECUTE')::integer
        ELSE (SELECT count(*) FILTER (WHERE CASE verb
                WHEN 'DELETE' THEN has_table_privilege(who.name, named.oid, verb)
                ELSE has_column_privilege(who.name, named.oid, attnum, verb) END)
            FROM pg_attribute WHERE attrelid = named.oid AND attnum > 0 AND NOT attisdropped)
        END) AS much
    FROM who CROSS JOIN named CROSS JOIN unnest(%(verbs)s::text[]) AS verb
), compared AS (
    SELECT role.name, role.place, bool_and(role.much > 0) AS with_all
    FROM may AS role JOIN may AS mine ON mine.name = current_user AND mine.verb = role.verb
    WHERE role.place IS NOT NULL
    GROUP BY role.name, role.place
    HAVING bool_or(role.much > mine.much)
)
SELECT name, format('GRANT %%I TO %%I', name, current_user) FROM compared
ORDER BY with_all DESC, place LIMIT 1
"""


def refusal(
    connection: Connection,
    error: InsufficientPrivilege | ReadOnlySqlTransaction,
    statement: str | None,
) -> PrivilegeMissing | None:
    """Our error for a statement that was refused; None unless one of the roles may do it.

    Asks in a new connection, as the transaction of the other one has failed.
    """
    answer = str(error).partition("\n")[0]
    if (role := role_of(connection)) is not None:
        return OpenedToRead(answer, role)
    if "owner" in answer or isinstance(error, ReadOnlySqlTransaction):
        return None
    asked = f"{statement} {error.diag.context}"
    verbs = [verb for verb, signs in _VERBS.items() if re.search(rf"\b({signs})\b", asked)]
    with suppress(psycopg.Error):
        for each in (verbs, [*_VERBS]):
            needed = _needed(driver_connection(connection), re.findall(r"\w+", answer), each)
            if needed is not None:
                return PrivilegeMissing(answer, *needed)
    return None


def _needed(
    connection: psycopg.Connection[object], words: list[str], verbs: list[str]
) -> tuple[str, str] | None:
    known = connection.info
    with psycopg.connect(known.dsn, password=known.password, connect_timeout=10) as other:
        other.read_only = True
        row = other.execute(
            _NEEDED, {"words": words, "verbs": verbs, "roles": list(ROLES)}
        ).fetchone()
    return row and (str(row[0]), str(row[1]))
