"""Descriptions of a database, to compare it with another one or with the models."""

from __future__ import annotations

from collections.abc import Mapping

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from pgvoice.store.models import PARTITION, SCHEMA, metadata

#: By topic, the rows that the catalog has about it, in alphabetical order.
Description = dict[str, list[tuple[str, ...]]]

_TABLES = "c.relnamespace = CAST('pgvoice' AS regnamespace)"
_OURS = (
    "n.nspname IN ('pgvoice', 'pgvoice_internal') AND NOT EXISTS"
    " (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')"
)
_SCHEMAS = {
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

_TABLE_ID = "CAST('pgvoice.segment_embedding' AS regclass)"
_VECTORS = {
    "columns": "SELECT attname, format_type(atttypid, atttypmod), attnotnull,"
    " pg_get_expr(adbin, adrelid), col_description(attrelid, attnum) FROM pg_attribute"
    f" LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum WHERE attrelid = {_TABLE_ID}"
    " AND attnum > 0 AND NOT attisdropped",
    "constraints": "SELECT conname, pg_get_constraintdef(oid), obj_description(oid)"
    f" FROM pg_constraint WHERE conrelid = {_TABLE_ID}",
    "references to it": "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
    f" WHERE confrelid = {_TABLE_ID}",
    "indexes": "SELECT replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON ') FROM pg_index"
    f" WHERE indrelid = {_TABLE_ID}",
    "triggers": "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger"
    f" WHERE tgrelid = {_TABLE_ID} AND NOT tgisinternal",
    "comment": f"SELECT obj_description({_TABLE_ID}, 'pg_class')",
    "grants": "SELECT grantee, privilege_type, is_grantable FROM pg_class,"
    f" aclexplode(coalesce(relacl, acldefault('r', relowner))) WHERE oid = {_TABLE_ID}",
    "tables and views": "SELECT relname, obj_description(oid) FROM pg_class"
    " WHERE relnamespace = CAST('pgvoice' AS regnamespace) AND relkind IN ('r', 'p', 'v', 'm')"
    " AND NOT relispartition",
    "functions": "SELECT proname, pg_get_functiondef(oid) FROM pg_proc"
    " WHERE pronamespace IN (CAST('pgvoice' AS regnamespace),"
    " CAST('pgvoice_internal' AS regnamespace)) AND prokind <> 'a'",
}


def description(connection: Connection) -> Description:
    """All objects and rights in both schemas, without the order of columns.

    `ALTER TABLE` adds columns at the end, so their order differs in an upgraded store.
    """
    return _described(connection, _SCHEMAS)


def vectors_description(connection: Connection) -> Description:
    """The table of vectors without its partitions, and the names of the other objects."""
    return _described(connection, _VECTORS)


def _described(connection: Connection, statements: Mapping[str, str]) -> Description:
    return {
        topic: sorted(tuple(map(str, row)) for row in connection.execute(text(statement)))
        for topic, statement in statements.items()
    }


def differences(connection: Connection) -> list[object]:
    """Alembic's list of changes that would make the tables equal to the models."""
    context = MigrationContext.configure(
        connection,
        opts={
            "include_schemas": True,
            "include_name": lambda name, kind, _: (
                name == SCHEMA if kind == "schema" else not str(name).startswith(PARTITION)
            ),
            "version_table_schema": SCHEMA,
            "compare_server_default": True,
        },
    )
    return list(compare_metadata(context, metadata))
