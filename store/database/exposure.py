"""What would let others slip code under pgvoice's functions, or read in the log what these do.

Postgres looks up functions and operators in schemas. Whoever may create them in a schema that
pgvoice's statements use could replace what they call, and so act as whoever runs them.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

from pgvoice.store.errors import SchemaOpen

#: The schemas that pgvoice's statements use, with the roles that are trusted there: superusers, the
#: owner of the tables, and the schema's owner, which can be whoever owns the database.
_PLACES = """
WITH place AS (
    SELECT n.oid, n.nspname AS name, n.nspname NOT IN ('pgvoice', 'pgvoice_internal') AS vectors,
           coalesce(n.nspacl, acldefault('n', n.nspowner)) AS acl,
           ARRAY(
               SELECT r.oid FROM pg_roles r
               WHERE r.rolsuper OR r.oid = n.nspowner
                  OR r.oid = coalesce(
                      (SELECT relowner FROM pg_class WHERE oid = to_regclass('pgvoice.setting')),
                      (SELECT me.oid FROM pg_roles me WHERE me.rolname = current_user)
                  )
                  OR pg_get_userbyid(n.nspowner) = 'pg_database_owner' AND r.oid =
                      (SELECT datdba FROM pg_database WHERE datname = current_database())
           ) AS trusted
    FROM pg_namespace n
    WHERE n.nspname IN ('pgvoice', 'pgvoice_internal')
       OR n.oid = (SELECT extnamespace FROM pg_extension WHERE extname = 'vector')
)
"""
_OPEN = text(
    _PLACES  # noqa: S608 - of our own parts
    + """
    SELECT quote_ident(p.name), p.vectors, CASE acl.grantee WHEN 0 THEN 'PUBLIC'
        ELSE quote_ident(pg_get_userbyid(acl.grantee)) END
    FROM place p CROSS JOIN LATERAL aclexplode(p.acl) AS acl
    WHERE acl.privilege_type = 'CREATE' AND acl.grantee <> ALL (p.trusted)
    ORDER BY p.vectors, p.name, acl.grantee LIMIT 1
    """
)
#: Functions and operators of others in these schemas. In pgvector's, where others may have their
#: own, only those that could be taken for one of Postgres' own.
_STRANGE = text(
    _PLACES  # noqa: S608 - of our own parts
    + """
    SELECT found.what, quote_ident(pg_get_userbyid(found.owner))
    FROM place p CROSS JOIN LATERAL (
        SELECT 'pg_proc'::regclass AS class, f.oid, f.proowner AS owner,
               format('FUNCTION %I.%I(%s)', p.name, f.proname,
                      pg_get_function_identity_arguments(f.oid)) AS what
        FROM pg_proc f WHERE f.pronamespace = p.oid AND (NOT p.vectors OR EXISTS (
            SELECT FROM pg_proc s
            WHERE s.proname = f.proname AND s.pronamespace = 'pg_catalog'::regnamespace
        ))
        UNION ALL
        SELECT 'pg_operator'::regclass, o.oid, o.oprowner, format('OPERATOR %I.%s (%s, %s)', p.name,
               o.oprname, nullif(o.oprleft, 0)::regtype, o.oprright::regtype)
        FROM pg_operator o WHERE o.oprnamespace = p.oid
    ) AS found
    WHERE found.owner <> ALL (p.trusted) AND NOT EXISTS (
        SELECT FROM pg_depend d
        WHERE d.classid = found.class AND d.objid = found.oid AND d.deptype = 'e'
    )
    ORDER BY p.vectors, found.what LIMIT 1
    """
)
#: Definers that do not switch off auto_explain, where sessions load it.
_LOGGED = text(
    """
    SELECT quote_ident(pg_get_userbyid(min(f.proowner))) FROM pg_proc f
    WHERE f.prosecdef AND f.pronamespace IN
        (to_regnamespace('pgvoice'), to_regnamespace('pgvoice_internal'))
      AND NOT coalesce('auto_explain.log_min_duration=-1' = ANY (f.proconfig), false)
      AND EXISTS (
          SELECT FROM pg_settings s
          WHERE s.name ~ '_preload_libraries$' AND s.setting ~ '\\mauto_explain\\M'
             OR s.name = 'auto_explain.log_min_duration'
      )
    """
)


def open_schema(connection: Connection) -> str | None:
    """Who might slip code under pgvoice's functions, and the remedy; None if nobody could."""
    may_create = connection.execute(_OPEN).one_or_none()
    if may_create is not None:
        schema, vectors, grantee = may_create
        everybody = "everybody" if grantee == "PUBLIC" else f"the role {grantee}"
        moving = (
            ", or move pgvector to a schema of its own: `CREATE SCHEMA vectors; ALTER EXTENSION"
            " vector SET SCHEMA vectors`"
        )
        return (
            f"{everybody} may create functions and operators in the schema {schema}, which pgvoice"
            f" might then call: have its owner run `REVOKE CREATE ON SCHEMA {schema} FROM"
            f" {grantee}`{moving if vectors else ''}"
        )
    strange = connection.execute(_STRANGE).one_or_none()
    if strange is not None:
        what, owner = strange
        return (
            f"the role {owner} made what pgvoice might call instead of Postgres' own: look at it,"
            f" then have that role run `DROP {what}`"
        )
    return None


def refuse_open_schema(connection: Connection) -> None:
    """Raises `SchemaOpen` if somebody might slip code under pgvoice's functions."""
    found = open_schema(connection)
    if found is not None:
        raise SchemaOpen(found)


def logged_plans(connection: Connection) -> str | None:
    """How to keep vectors out of the server's log; None if they do not get there.

    The module auto_explain logs plans, whose constants and parameters can be vectors. Functions can
    switch it off if their owner may.
    """
    owner = connection.scalar(_LOGGED)
    if owner is None:
        return None
    return (
        "the module auto_explain logs plans of pgvoice's functions, which can contain vectors: have"
        f" a superuser run `GRANT SET ON PARAMETER auto_explain.log_min_duration TO {owner}`"
        " (Postgres 15 or newer), then run `pgvoice db upgrade`; or do not load the module"
    )
