"""Statements about everything in a store, made from its catalog, and what each of them did."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg.rows import TupleRow

Connection = psycopg.Connection[TupleRow]

#: Arguments by type and name: what somebody would pass, and what nobody should.
_SENSIBLE = {
    "video": "'talk'", "speaker": "'ann'", "name": "'ann'", "names": "ARRAY['ann']",
    "keys": "ARRAY['talk']", "videos": "ARRAY['talk', 'other']", "speakers": "ARRAY['ann']",
    "starts": "ARRAY[0, 2]", "ends": "ARRAY[1, 3]", "starts_ms": "ARRAY[0, 2000]",
    "ends_ms": "ARRAY[1000, 3000]", "start_s": "0", "end_s": "1", "clusters": "ARRAY['S', 'S']",
    "ordered": "'time'", "excluded_speakers": "ARRAY['bea']", "status": "'ok'",
    "max_rows": "5", "threshold": "0.123456", "min_margin": "0.0123456", "exact": "true",
}  # fmt: skip
_BY_TYPE = {
    "text": ("'x'", "''", "E'\\\\x00'"),
    "text[]": ("ARRAY['x']", "'{}'", "ARRAY[NULL]"),
    "integer": ("1", "-2147483648", "2147483647"),
    "integer[]": ("ARRAY[0]", "'{}'", "ARRAY[NULL]"),
    "bigint": ("1", "-9223372036854775808", "9223372036854775807"),
    "bigint[]": ("ARRAY[1]", "'{}'", "ARRAY[NULL]"),
    "smallint": ("1", "-32768", "32767"),
    "real": ("0.5", "'NaN'", "'Infinity'"),
    "double precision": ("0.5", "'NaN'", "'-Infinity'"),
    "double precision[]": ("ARRAY[0.5]", "'{}'", "ARRAY['NaN']"),
    "boolean": ("true", "false", "NULL"),
    "timestamp with time zone": ("now()", "'-infinity'", "'infinity'"),
    "bytea": ("'\\x00'", "''", "NULL"),
    "jsonb": ("'{}'", "'[[[]]]'", "'null'"),
}
_LOCK_MODES = (
    "ROW SHARE", "ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE", "SHARE", "SHARE ROW EXCLUSIVE",
    "EXCLUSIVE", "ACCESS EXCLUSIVE",
)  # fmt: skip
_OF_TABLE = (
    "SELECT * FROM {t}", "TABLE {t}", "SELECT x FROM {t} AS x", "SELECT x::text FROM {t} AS x",
    "SELECT row_to_json(x) FROM {t} AS x", "SELECT md5(x::text) FROM {t} AS x",
    "SELECT count(*) FROM {t}", "COPY {t} TO STDOUT", "COPY (SELECT * FROM {t}) TO STDOUT",
    "SELECT * FROM {t} FOR UPDATE", "SELECT 1 FROM {t} FOR NO KEY UPDATE",
    "SELECT 1 FROM {t} FOR SHARE", "SELECT 1 FROM {t} FOR KEY SHARE",
    "INSERT INTO {t} DEFAULT VALUES", "INSERT INTO {t} SELECT * FROM {t}", "DELETE FROM {t}",
    "WITH gone AS (DELETE FROM {t} RETURNING *) SELECT * FROM gone",
    "TRUNCATE {t}", "TRUNCATE {t} CASCADE", "DROP TABLE {t} CASCADE",
    "ALTER TABLE {t} ADD COLUMN planted text", "ALTER TABLE {t} DISABLE TRIGGER ALL",
    "ALTER TABLE {t} OWNER TO CURRENT_USER", "ALTER TABLE {t} ENABLE ROW LEVEL SECURITY",
    "CREATE INDEX ON {t} ((1))", "CREATE RULE planted AS ON INSERT TO {t} DO NOTHING",
    "CREATE TRIGGER planted BEFORE INSERT ON {t} EXECUTE FUNCTION tsvector_update_trigger()",
    "CREATE POLICY planted ON {t}", "COMMENT ON TABLE {t} IS 'planted'",
    "GRANT SELECT ON {t} TO PUBLIC", "ANALYZE {t}", "REINDEX TABLE {t}",
    "CREATE TEMPORARY TABLE planted () INHERITS ({t})",
    "CREATE TEMPORARY TABLE planted AS SELECT * FROM {t}",
    "CREATE TEMPORARY VIEW planted AS SELECT * FROM {t}; SELECT * FROM planted",
    "CREATE TEMPORARY TABLE planted (LIKE {t} INCLUDING ALL)",
    "SELECT * FROM pg_stats WHERE schemaname || '.' || tablename = '{t}'",
    "EXPLAIN (ANALYZE, VERBOSE) SELECT * FROM {t}",
    *(f"LOCK TABLE {{t}} IN {mode} MODE" for mode in _LOCK_MODES),
)  # fmt: skip
_OF_FUNCTION = (
    "ALTER FUNCTION {f} SET debug_print_plan = on", "ALTER FUNCTION {f} SECURITY INVOKER",
    "ALTER FUNCTION {f} RESET ALL", "ALTER FUNCTION {f} OWNER TO CURRENT_USER",
    "DROP FUNCTION {f} CASCADE", "GRANT EXECUTE ON FUNCTION {f} TO PUBLIC",
    "COMMENT ON FUNCTION {f} IS 'planted'",
)  # fmt: skip
_GENERAL = (
    "CREATE TABLE pgvoice.planted ()", "CREATE TABLE pgvoice_internal.planted ()",
    "CREATE FUNCTION pgvoice.planted() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "CREATE FUNCTION public.planted() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "CREATE OPERATOR public./ (leftarg = integer, rightarg = numeric, function = numeric_div)",
    "CREATE SCHEMA planted", "CREATE ROLE planted", "CREATE EXTENSION pageinspect",
    "ALTER SCHEMA pgvoice RENAME TO planted", "DROP SCHEMA pgvoice CASCADE",
    "ALTER EXTENSION vector UPDATE", "DROP EXTENSION vector CASCADE",
    "SET ROLE pgvoice_admin", "SET ROLE postgres", "ALTER SYSTEM SET work_mem = '1GB'",
    "LOAD 'auto_explain'", "LOAD '$libdir/auto_explain'", "LOAD '$libdir/plugins/auto_explain'",
    "SET session_preload_libraries = 'auto_explain'", "SET session_replication_role = replica",
    "SET log_min_messages = debug5", "SET log_statement = 'all'", "SET row_security = off",
    "SELECT pg_read_file('PG_VERSION')", "SELECT pg_ls_dir('.')", "SELECT lo_import('/etc/passwd')",
    "COPY pgvoice.video TO PROGRAM 'cat'", "COPY pgvoice.video TO '/tmp/planted'",
    "CREATE TEMPORARY TABLE t (x text); COPY t FROM PROGRAM 'id'",
    "SELECT * FROM pg_stat_activity", "SELECT * FROM pg_locks", "SELECT * FROM pg_statistic",
    "SELECT * FROM pg_stats WHERE schemaname = 'pgvoice'", "SELECT * FROM pg_stats_ext",
    "SELECT * FROM pg_authid", "SELECT pg_reload_conf()", "SELECT pg_switch_wal()",
    "SELECT pg_stat_reset()", "SELECT * FROM pg_ls_waldir()", "SELECT pg_export_snapshot()",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()",
    "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()",
    "SELECT query_to_xml('SELECT * FROM pgvoice.profile', true, true, '')",
    "SELECT schema_to_xml('pgvoice', true, true, '')",
    "SELECT table_to_xml('pgvoice.segment_embedding', true, true, '')",
    "SELECT database_to_xml(true, true, '')",
    "SELECT pg_get_functiondef(p.oid) FROM pg_proc p WHERE proname = 'identify'",
    "CREATE EVENT TRIGGER planted ON ddl_command_start EXECUTE FUNCTION public.planted()",
    "CREATE PUBLICATION planted FOR ALL TABLES", "REASSIGN OWNED BY postgres TO CURRENT_USER",
    "DO $$ BEGIN EXECUTE 'SELECT embedding FROM pgvoice.profile'; END $$",
    "PREPARE planted AS SELECT * FROM pgvoice.profile; EXECUTE planted",
    "DECLARE planted CURSOR FOR SELECT * FROM pgvoice.profile; FETCH ALL FROM planted",
)  # fmt: skip
#: What a caller may ask of everything that compares vectors.
REVEALING = (
    "SELECT * FROM pgvoice.identify('talk')",
    "SELECT * FROM pgvoice.identify_clusters('talk', ARRAY[0, 2], ARRAY[1, 3], ARRAY['S', 'S'])",
    "SELECT * FROM pgvoice.speaker_segments('ann')",
    "SELECT * FROM pgvoice.profile_quality()",
    "SELECT * FROM pgvoice.exemplar_similarity(1)",
    "SELECT * FROM pgvoice.people()",
    "SELECT * FROM pgvoice.similar_people('ann')",
    "SELECT * FROM pgvoice.unknown_voices()",
    "SELECT * FROM pgvoice.unknown_voices(), pgvoice.voice_appearances(number)",
    "SELECT * FROM pgvoice.suggestions()",
    "SELECT * FROM pgvoice.voices_of_segments('third')",
    "SELECT * FROM pgvoice.similar_segments('talk', 0, 1, 5, exact => true)",
    "SELECT * FROM pgvoice.similar_segments('talk', 0, 1, 5, exact => false)",
)
#: Settings that would end the session or take minutes; none of them shows anything.
_LEFT_OUT = re.compile(
    r"_timeout$|^(debug_discard_caches|exit_on_error|jit.*|role|session_authorization)$"
)
_UNDO = b"ROLLBACK; RESET SESSION AUTHORIZATION; DISCARD TEMP"
#: As the superuser again. Whoever changes a row gets a transaction number.
_WRITES = b"RESET SESSION AUTHORIZATION; SELECT pg_catalog.pg_current_xact_id_if_assigned()"


def statements(connection: Connection) -> Iterator[str]:
    """Statements about every table, column and function, and about the server."""
    for table, columns in _tables(connection):
        yield from (statement.format(t=table) for statement in _OF_TABLE)
        for column in columns:
            yield f"SELECT {column} FROM {table}"
            yield f"SELECT 1 FROM {table} ORDER BY {column}"
            yield f"UPDATE {table} SET {column} = {column}"
            yield f"UPDATE {table} SET {column} = DEFAULT"
    for function, calls in _functions(connection):
        yield from (statement.format(f=function) for statement in _OF_FUNCTION)
        for call in calls:
            yield f"SELECT * FROM {call}"
        yield f"EXPLAIN (ANALYZE, VERBOSE) SELECT {calls[0]}"
    yield from _GENERAL


def settings(connection: Connection) -> Iterator[str]:
    """Each value of each setting that everybody may set, as a SET statement."""
    rows = connection.execute(
        "SELECT name, vartype, setting, min_val, max_val, enumvals FROM pg_settings"
        " WHERE context = 'user' ORDER BY name"
    ).fetchall()
    for name, kind, current, least, most, words in rows:
        if not _LEFT_OUT.search(name):
            for value in _values(kind, current, least, most, words):
                yield f"SET {name} = '{value}'"


def _values(
    kind: str, current: str, least: str, most: str, words: Sequence[str] | None
) -> Sequence[str]:
    if kind == "bool":
        return ["off" if current == "on" else "on"]
    if kind == "enum":
        return [word for word in words or () if word != current]
    return [least, most] if kind in ("integer", "real") else []


def _tables(connection: Connection) -> Iterator[tuple[str, list[str]]]:
    yield from connection.execute(
        "SELECT format('%I.%I', n.nspname, c.relname),"
        " array_agg(quote_ident(a.attname) ORDER BY a.attnum) FROM pg_class c"
        " JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid"
        " WHERE n.nspname IN ('pgvoice', 'pgvoice_internal') AND c.relkind IN ('r', 'p', 'v', 'S')"
        " AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped"
        " GROUP BY n.nspname, c.relname ORDER BY 1"
    ).fetchall()


def _functions(connection: Connection) -> Iterator[tuple[str, list[str]]]:
    rows = connection.execute(
        "SELECT format('%I.%I', n.nspname, p.proname),"
        " format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)),"
        " coalesce(p.proargnames[:p.pronargs], '{}'),"
        " ARRAY(SELECT format_type(t, NULL) FROM unnest(p.proargtypes) WITH ORDINALITY"
        " AS u(t, place) ORDER BY place) FROM pg_proc p"
        " JOIN pg_namespace n ON n.oid = p.pronamespace"
        " WHERE n.nspname IN ('pgvoice', 'pgvoice_internal') AND p.prokind = 'f' ORDER BY 2"
    ).fetchall()
    for name, signature, names, types in rows:
        variants = [_arguments(names, types, variant) for variant in range(5)]
        yield signature, [f"{name}({', '.join(each)})" for each in variants]


def _arguments(names: list[str], types: list[str], variant: int) -> list[str]:
    """Variant 0 is what somebody would pass, the last one NULLs."""
    padded = [*names, *[""] * (len(types) - len(names))]
    return [_argument(name, kind, variant) for name, kind in zip(padded, types, strict=True)]


def _argument(name: str, kind: str, variant: int) -> str:
    if variant == 0 and name in _SENSIBLE:
        return f"{_SENSIBLE[name]}::{kind}"
    choices = _BY_TYPE.get(kind)
    if variant == 4 or choices is None:
        return f"NULL::{kind}"
    return f"({choices[max(variant - 1, 0)]})::{kind}"


class Outcome(NamedTuple):
    """What a statement showed and what it left behind."""

    #: Everything that the caller saw: rows, notices and the error.
    seen: str
    error: str | None
    #: Locks that would block others.
    locks: list[tuple[str, ...]]
    #: The tables whose rows it changed.
    changed: set[str]


class Battery:
    """Runs statements as a login, each in a transaction that is rolled back at the end.

    `superuser` is a connection that may take on other logins, which is where the statements run:
    thus it can look at their effects before they are undone.
    """

    def __init__(self, superuser: Connection, watcher: Connection) -> None:
        self._connection, self._watcher = superuser, watcher
        superuser.autocommit = watcher.autocommit = True
        self._notices: list[str] = []
        superuser.add_notice_handler(
            lambda notice: self._notices.append(f"{notice.message_primary} {notice.message_detail}")
        )
        self._before = digests(superuser)

    def run(self, login: str, *batch: str, effects: bool = True) -> Outcome:
        """What happens if a login runs these statements in one transaction.

        Without `effects` nobody looks at locks and changed tables.
        """
        self._notices.clear()
        shown: list[str] = []
        error = None
        with self._undone():
            try:
                self._connection.execute(f"BEGIN; SET SESSION AUTHORIZATION {login}".encode())
                for statement in batch:
                    shown += _execute(self._connection, statement)
            except psycopg.Error as refused:
                error = f"{refused}\n{refused.diag.message_detail}\n{refused.diag.context}"
                return Outcome("\n".join([*shown, *self._notices, error]), error, [], set())
            locks = self._locks() if effects else []
            changed = self._changed() if effects else set()
        return Outcome("\n".join([*shown, *self._notices]), None, locks, changed)

    @contextmanager
    def _undone(self) -> Iterator[None]:
        try:
            yield
        finally:
            self._connection.execute(_UNDO)

    def _locks(self) -> list[tuple[str, ...]]:
        """Locks of our objects, or of no object, that others could have to wait for."""
        rows = self._watcher.execute(
            "SELECT l.locktype, l.mode, coalesce(CAST(l.relation::regclass AS text), '')"
            " FROM pg_locks l LEFT JOIN pg_class c ON c.oid = l.relation"
            " LEFT JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE l.pid = %s AND (l.locktype IN ('advisory', 'tuple')"
            " OR (n.nspname LIKE 'pgvoice%%' AND l.mode <> 'AccessShareLock'))",
            (self._connection.info.backend_pid,),
        ).fetchall()
        return [tuple(map(str, row)) for row in rows]

    def _changed(self) -> set[str]:
        """The tables whose rows differ from before; none if the transaction has written nothing."""
        answers = self._connection.execute(_WRITES)
        answers.nextset()
        if answers.fetchone() == (None,):
            return set()
        after = digests(self._connection)
        return {table for table in after if after[table] != self._before.get(table)}


def _execute(connection: Connection, statement: str) -> list[str]:
    """Every row that the statement returns, as text."""
    if statement.startswith("COPY") and statement.endswith("STDOUT"):
        with connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
            return [bytes(block).decode("utf-8", "replace") for block in copy]
    cursor = connection.execute(statement.encode())
    shown: list[str] = []
    while True:
        if cursor.description:
            shown += [str(row) for row in cursor.fetchall()]
        if not cursor.nextset():
            return shown


def digests(connection: Connection) -> dict[str, str]:
    """A digest of the rows of every table; sequences are not rows."""
    tables = [
        row[0]
        for row in connection.execute(
            "SELECT CAST(c.oid::regclass AS text) FROM pg_class c"
            " JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname LIKE 'pgvoice%' AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
        ).fetchall()
    ]
    found = connection.execute(
        " UNION ALL ".join(
            f"SELECT '{table}', md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} AS t"
            for table in tables
        ).encode()
    ).fetchall()
    return {str(table): str(digest) for table, digest in found}


class Vectors:
    """All vectors of a store; finds parts of them in text."""

    def __init__(self, connection: Connection) -> None:
        columns = connection.execute(
            "SELECT CAST(a.attrelid::regclass AS text), a.attname FROM pg_attribute a"
            " JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname LIKE 'pgvoice%' AND c.relkind IN ('r', 'p')"
            " AND format_type(a.atttypid, NULL) LIKE '%vec%' AND NOT c.relispartition"
        ).fetchall()
        rows = [
            row[0]
            for table, column in columns
            for row in connection.execute(
                f"SELECT {column}::real[] FROM {table} WHERE {column} IS NOT NULL".encode()
            ).fetchall()
        ]
        rows += [
            row[0]
            for row in connection.execute(
                "SELECT CAST(e.stored ->> 'embedding' AS public.vector)::real[]"
                " FROM pgvoice.act_change c CROSS JOIN LATERAL (VALUES (c.old), (c.new))"
                " AS e(stored) WHERE e.stored ? 'embedding'"
            ).fetchall()
        ]
        self.all = [np.array(row, np.float32) for row in rows]
        self._elements = [{_shortened(f"{value:.9f}") for value in row} for row in self.all]
        self._bytes = {
            row[place : place + 2].astype(order).tobytes()
            for row in self.all
            for place in range(len(row) - 1)
            for order in ("<f4", ">f4")
        }

    def found_in(self, text: str) -> bool:
        """Whether the text has three elements of a vector, or the bytes of two."""
        numbers = {_shortened(found) for found in re.findall(r"-?\d*\.\d{5,}", text)}
        if any(len(numbers & elements) >= 3 for elements in self._elements):
            return True
        return any(self._has_bytes(raw) for raw in _raw(text))

    def _has_bytes(self, raw: bytes) -> bool:
        return any(raw[at : at + 8] in self._bytes for at in range(len(raw) - 7))


def _shortened(number: str) -> str:
    """The number without what comes after five decimal places."""
    whole, _, decimals = number.partition(".")
    return f"{whole or '0'}.{decimals[:5]}".replace("-.", "-0.")


def _raw(text: str) -> Iterator[bytes]:
    """What may be bytes: in hexadecimal, or as signed numbers in a printed plan."""
    for found in re.findall(r"(?:[0-9a-f]{2}){8,}", text):
        yield bytes.fromhex(found)
    for found in re.findall(r"(?:-?\d{1,3}\s+){8,}", text):
        yield bytes(int(number) % 256 for number in found.split())


def random_units(number: int, dimension: int, seed: int) -> NDArray[np.float32]:
    """Random unit vectors, shape ``(number, dimension)``."""
    drawn = np.random.default_rng(seed).normal(size=(number, dimension))
    return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True), np.float32)
