"""What a database says of the table of vectors, to compare one in parts with a plain one.

Each statement lists rows of text; parts are left out.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

_TABLE = "CAST('pgvoice.segment_embedding' AS regclass)"
STATEMENTS = {
    "columns": "SELECT attname, format_type(atttypid, atttypmod), attnotnull,"
    " pg_get_expr(adbin, adrelid), col_description(attrelid, attnum) FROM pg_attribute"
    f" LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum WHERE attrelid = {_TABLE}"
    " AND attnum > 0 AND NOT attisdropped",
    "constraints": "SELECT conname, pg_get_constraintdef(oid), obj_description(oid)"
    f" FROM pg_constraint WHERE conrelid = {_TABLE}",
    "references to it": "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
    f" WHERE confrelid = {_TABLE}",
    "indexes": "SELECT replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON ') FROM pg_index"
    f" WHERE indrelid = {_TABLE}",
    "triggers": "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger"
    f" WHERE tgrelid = {_TABLE} AND NOT tgisinternal",
    "comment": f"SELECT obj_description({_TABLE}, 'pg_class')",
    "grants": "SELECT grantee, privilege_type, is_grantable FROM pg_class,"
    f" aclexplode(coalesce(relacl, acldefault('r', relowner))) WHERE oid = {_TABLE}",
    "tables and views": "SELECT relname, obj_description(oid) FROM pg_class"
    " WHERE relnamespace = CAST('pgvoice' AS regnamespace) AND relkind IN ('r', 'p', 'v', 'm')"
    " AND NOT relispartition",
    "functions": "SELECT proname, pg_get_functiondef(oid) FROM pg_proc"
    " WHERE pronamespace IN (CAST('pgvoice' AS regnamespace),"
    " CAST('pgvoice_internal' AS regnamespace)) AND prokind <> 'a'",
}


def description(connection: Connection) -> dict[str, list[tuple[str, ...]]]:
    """By what it is about, what the database says, in an order of its own."""
    return {
        what: sorted(tuple(map(str, row)) for row in connection.execute(text(statement)))
        for what, statement in STATEMENTS.items()
    }
