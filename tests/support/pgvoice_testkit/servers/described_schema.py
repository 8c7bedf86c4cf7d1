"""What a database says of both schemas: every table, function and right, as rows of text.

To compare a store that was upgraded with one that is new. The order of columns is left out, as
`ALTER TABLE` adds new ones at the end.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

_TABLES = "c.relnamespace = CAST('pgvoice' AS regnamespace)"
_OURS = (
    "n.nspname IN ('pgvoice', 'pgvoice_internal') AND NOT EXISTS"
    " (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')"
)
STATEMENTS = {
    "tables and views": "SELECT c.relname, c.relkind, c.relpersistence, c.reloptions,"
    " pg_get_partkeydef(c.oid), pg_get_expr(c.relpartbound, c.oid), obj_description(c.oid)"
    f" FROM pg_class c WHERE {_TABLES} AND c.relkind IN ('r', 'p', 'v', 'S')",
    "columns": "SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,"
    " a.attidentity, a.attgenerated, pg_get_expr(d.adbin, d.adrelid), a.attstattarget,"
    " a.attstorage, col_description(a.attrelid, a.attnum) FROM pg_attribute a"
    " JOIN pg_class c ON c.oid = a.attrelid"
    " LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum"
    f" WHERE {_TABLES} AND c.relkind IN ('r', 'p', 'v') AND a.attnum > 0 AND NOT a.attisdropped",
    "constraints": "SELECT CAST(conrelid AS regclass), conname, pg_get_constraintdef(oid),"
    " convalidated FROM pg_constraint WHERE contype <> 'n'"
    " AND connamespace = CAST('pgvoice' AS regnamespace)",
    "indexes": "SELECT pg_get_indexdef(i.indexrelid), i.indisvalid FROM pg_index i"
    f" JOIN pg_class c ON c.oid = i.indrelid WHERE {_TABLES}",
    "triggers": "SELECT pg_get_triggerdef(t.oid), t.tgenabled FROM pg_trigger t"
    f" JOIN pg_class c ON c.oid = t.tgrelid WHERE {_TABLES} AND NOT t.tgisinternal",
    "definitions of views": "SELECT viewname, definition FROM pg_views"
    " WHERE schemaname = 'pgvoice'",
    "functions": "SELECT pg_get_functiondef(p.oid), obj_description(p.oid) FROM pg_proc p"
    f" JOIN pg_namespace n ON n.oid = p.pronamespace WHERE {_OURS}",
    "rights on functions": "SELECT CAST(p.oid AS regprocedure), acl.grantee, acl.privilege_type"
    " FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
    f" CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS acl"
    f" WHERE {_OURS}",
    "rights on tables": "SELECT c.relname, acl.grantee, acl.privilege_type FROM pg_class c"
    " CROSS JOIN LATERAL aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) AS acl"
    f" WHERE {_TABLES} AND c.relkind IN ('r', 'p', 'v')",
    "rights on columns": "SELECT c.relname, a.attname, acl.grantee, acl.privilege_type"
    " FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
    f" CROSS JOIN LATERAL aclexplode(a.attacl) AS acl WHERE {_TABLES}",
    "rights on schemas": "SELECT n.nspname, acl.grantee, acl.privilege_type FROM pg_namespace n"
    " CROSS JOIN LATERAL aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) AS acl"
    " WHERE n.nspname IN ('pgvoice', 'pgvoice_internal')",
}


def description(connection: Connection) -> dict[str, list[tuple[str, ...]]]:
    """By what it is about, what the database says, in an order of its own."""
    return {
        what: sorted(tuple(map(str, row)) for row in connection.execute(text(statement)))
        for what, statement in STATEMENTS.items()
    }
