"""Migrations create the tables of the models, keep the data, and name what a server lacks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from alembic.script import ScriptDirectory
from pgvoice_testkit.servers.databases import engine_of, migrate, new_database, plain, role, run
from pgvoice_testkit.servers.descriptions import differences
from pgvoice_testkit.stores.filled import X, Y, put
from sqlalchemy import Connection, make_url, text
from sqlalchemy.schema import CreateSchema

from pgvoice.store import VoiceStore
from pgvoice.store.database import roles, schema
from pgvoice.store.errors import (
    DatabaseError,
    ExtensionForbidden,
    PgvectorCrashed,
    PgvectorMissing,
    PgvectorTooOld,
    SchemaForbidden,
    SchemaMismatch,
)
from pgvoice.store.models import SCHEMA, metadata

ROOT = Path(__file__).parents[3]
CONSTRAINTS = text(
    "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
    " WHERE connamespace = 'pgvoice'::regnamespace"
    " AND conrelid <> coalesce(to_regclass('pgvoice.alembic_version'), 0) "
    " AND contype NOT IN ('n', 't')"
    " AND conrelid NOT IN (SELECT oid FROM pg_class WHERE relispartition)"
    " ORDER BY 1, 2"
)


def test_head_is_the_newest_revision() -> None:
    scripts = ScriptDirectory(str(Path(schema.__file__).parents[2] / "migrations"))
    assert scripts.get_current_head() == schema.HEAD
    assert scripts.get_base() == schema.OLDEST


def test_migrations_equal_the_models(connection: Connection) -> None:
    assert differences(connection) == []


def test_migrations_make_the_models_constraints(connection: Connection, server_url: str) -> None:
    with new_database(server_url) as url, engine_of(url) as engine, engine.begin() as fresh:
        fresh.execute(text("CREATE EXTENSION vector"))
        fresh.execute(CreateSchema(SCHEMA))
        metadata.create_all(fresh)
        expected = fresh.execute(CONSTRAINTS).all()
    assert connection.execute(CONSTRAINTS).all() == expected


def test_vectors_are_in_their_rows(connection: Connection, server_url: str) -> None:
    """Of a vector of 512 elements that lies apart, each comparison would fetch a copy."""
    apart = text(
        "SELECT attrelid::regclass::text, attname FROM pg_attribute"
        " JOIN pg_class ON pg_class.oid = attrelid AND relkind IN ('r', 'p')"
        " WHERE relnamespace = 'pgvoice'::regnamespace AND attstorage <> 'm'"
        " AND atttypid = 'public.vector'::regtype"
    )
    assert connection.execute(apart).all() == []
    with new_database(server_url) as url, engine_of(url) as engine:
        migrate(url, partitions=2)
        with engine.connect() as partitioned:
            assert partitioned.execute(apart).all() == []


def test_every_table_and_function_says_what_it_is_for(connection: Connection) -> None:
    silent = connection.execute(
        text(
            "SELECT relname FROM pg_class WHERE relnamespace = 'pgvoice'::regnamespace"
            " AND relkind IN ('r', 'p', 'v', 'm') AND relname <> 'alembic_version'"
            " AND obj_description(oid) IS NULL UNION ALL SELECT proname FROM pg_proc"
            " WHERE pronamespace IN ('pgvoice'::regnamespace, 'pgvoice_internal'::regnamespace)"
            " AND obj_description(oid) IS NULL"
        )
    ).all()
    assert silent == []


def test_no_function_is_led_astray_by_a_search_path(connection: Connection) -> None:
    """Each function sets its own, unless its body was parsed when it was created."""
    loose = connection.execute(
        text(
            "SELECT proname FROM pg_proc"
            " WHERE pronamespace IN ('pgvoice'::regnamespace, 'pgvoice_internal'::regnamespace)"
            " AND prosqlbody IS NULL AND NOT EXISTS"
            " (SELECT FROM unnest(proconfig) c"
            " WHERE c = 'search_path=pg_catalog, pgvoice, pg_temp')"
        )
    ).all()
    assert loose == []


def test_down_and_up_again_keeps_the_data(store_url: str) -> None:
    with VoiceStore.open(store_url) as store:
        put(store, "v", {(0, 1): X, (1, 2): Y, (2, 2.1): "too_short"})
        store.people.enroll_segments("ann", "v", [(0, 1)], min_speech=1)
        before = store.answers.identify("v")
        schema.downgrade(store.database.engine, "0024")
        with pytest.raises(SchemaMismatch, match=r"revision 0024.*db upgrade"):
            VoiceStore.open(store_url)
        schema.upgrade(store.database.engine)
        assert store.answers.identify("v") == before


def test_down_to_nothing_leaves_nothing(store_url: str) -> None:
    with VoiceStore.open(store_url) as store:
        put(store, "v", {(0, 1): X})
        schema.downgrade(store.database.engine, "base")
        with store.database.engine.connect() as connection:
            left = connection.execute(
                text(
                    "SELECT relname FROM pg_class WHERE relnamespace = 'pgvoice'::regnamespace"
                    " AND relname NOT LIKE 'alembic_version%' UNION ALL SELECT proname"
                    " FROM pg_proc WHERE pronamespace = 'pgvoice'::regnamespace UNION ALL"
                    " SELECT nspname FROM pg_namespace WHERE nspname = 'pgvoice_internal'"
                )
            ).all()
            assert left == []
            assert schema.state(connection)[:4] == (None, None, None, None)
        schema.upgrade(store.database.engine, grid_ms=10)
    with VoiceStore.open(store_url) as again:
        assert again.grid_ms == 10


def test_alembic_from_a_checkout_does_the_same(server_url: str) -> None:
    with new_database(server_url) as url:
        subprocess.run(
            [sys.executable, "-m", "alembic", "upgrade", "head"],
            cwd=ROOT,
            env=os.environ | {"PGVOICE_DATABASE_URL": plain(url)},
            check=True,
            capture_output=True,
        )
        with VoiceStore.open(plain(url)) as store:
            assert store.grid_ms == 100


def test_the_grid_is_fixed_at_creation(server_url: str) -> None:
    with new_database(server_url) as url:
        migrate(url, grid_ms=10)
        migrate(url, grid_ms=100)
        with VoiceStore.open(plain(url)) as store:
            assert store.grid_ms == 10


def test_another_grid_is_refused(store: VoiceStore) -> None:
    with pytest.raises(ValueError, match="25 ms"):
        schema.upgrade(store.database.engine, grid_ms=25)


def test_a_newer_schema_is_refused(store_url: str) -> None:
    with VoiceStore.open(store_url) as store, store.database.engine.begin() as connection:
        connection.execute(text("UPDATE pgvoice.alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaMismatch, match="newer pgvoice"):
        VoiceStore.open(store_url)


def test_an_older_schema_is_refused(store_url: str) -> None:
    with VoiceStore.open(store_url) as store:
        with store.database.engine.begin() as connection:
            connection.execute(text("UPDATE pgvoice.alembic_version SET version_num = '0013'"))
        remedy = r"at revision 0013, .* from 0024 on: run `pgvoice db upgrade` with pgvoice 0\.1\.0"
        with pytest.raises(SchemaMismatch, match=remedy):
            schema.upgrade(store.database.engine)
    with pytest.raises(SchemaMismatch, match=remedy):
        VoiceStore.open(store_url)


def test_a_new_store_has_the_newest_revision(server_url: str) -> None:
    with new_database(server_url) as url, engine_of(url) as engine:
        for change in (schema.upgrade, schema.downgrade):
            with pytest.raises(SchemaMismatch, match="a new store is created at revision"):
                change(engine, schema.OLDEST)
        with engine.connect() as connection:
            assert schema.state(connection).revision is None


def test_an_upgrade_that_fails_leaves_nothing(
    server_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roles, "_GRANTS", Path(__file__))
    with new_database(server_url) as url, engine_of(url) as engine:
        with pytest.raises(psycopg.errors.SyntaxError):
            schema.upgrade(engine)
        schemas = text("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'pgvoice%'")
        with engine.connect() as connection:
            assert connection.execute(schemas).all() == []


def test_two_upgrades_at_once_take_turns(server_url: str) -> None:
    with new_database(server_url) as url:
        command = [sys.executable, "-m", "pgvoice.cli", "db", "upgrade", "--no-consent", "--url"]
        started = [subprocess.Popen([*command, plain(url)]) for _ in range(3)]
        assert [process.wait() for process in started] == [0, 0, 0]
        with VoiceStore.open(plain(url)) as store:
            put(store, "v", {(0, 1): X})


def test_an_empty_database_asks_for_an_upgrade(server_url: str) -> None:
    with new_database(server_url) as url, pytest.raises(SchemaMismatch, match="db upgrade"):
        VoiceStore.open(plain(url))


def test_the_extension_may_live_in_another_schema(server_url: str) -> None:
    with new_database(server_url) as url:
        with engine_of(url) as engine, engine.begin() as connection:
            connection.execute(CreateSchema("odd name"))
            connection.execute(text('CREATE EXTENSION vector SCHEMA "odd name"'))
        migrate(url)
        with VoiceStore.open(plain(url)) as store:
            put(store, "v", {(0, 1): X, (1, 2): Y})
            store.people.enroll_segments("ann", "v", [(0, 1)], min_speech=1)
            assert [who.speaker for who in store.answers.identify("v")] == ["ann", None]
            assert [found.start for found in store.answers.appearances("ann")] == [0]


def test_the_audit_trail_is_append_only(store: VoiceStore) -> None:
    put(store, "v", {(0, 1): X})
    store.people.enroll_segments("ann", "v", [(0, 1)], min_speech=1)
    for change in ("UPDATE pgvoice.audit_event SET actor = 'x'", "DELETE FROM pgvoice.audit_event"):
        with (
            pytest.raises(Exception, match="append-only"),
            store.database.engine.begin() as connection,
        ):
            connection.execute(text(change))


@pytest.mark.parametrize(
    ("offered", "error", "remedy"),
    [(None, PgvectorMissing, "install it there"), ("0.7.4", PgvectorTooOld, "0.7.4 is older")],
)
def test_a_server_without_a_good_pgvector(
    server_url: str,
    data_folder: Path,
    offered: str | None,
    error: type[DatabaseError],
    remedy: str,
) -> None:
    extensions = data_folder / "extension"
    extensions.mkdir()
    if offered:
        (extensions / "vector.control").write_text(f"default_version = '{offered}'\n")
    with new_database(server_url) as url:
        with engine_of(url) as engine, engine.begin() as connection:
            if (connection.dialect.server_version_info or ()) < (18,):
                pytest.skip("needs extension_control_path, which came with Postgres 18")
            connection.execute(
                text(f"ALTER DATABASE {url.database} SET extension_control_path = '{data_folder}'")
            )
        with pytest.raises(error, match=remedy):
            migrate(url)


def test_a_user_who_may_not_create_the_extension(server_url: str) -> None:
    with new_database(server_url) as url, role(url, "pgvoice_test_plain") as as_plain:
        with pytest.raises(ExtensionForbidden, match="CREATE EXTENSION vector"):
            migrate(as_plain)
        with engine_of(url) as engine, engine.begin() as connection:
            connection.execute(text("CREATE EXTENSION vector"))
        with pytest.raises(SchemaForbidden, match="CREATE SCHEMA pgvoice"):
            migrate(as_plain)
        with engine_of(url) as engine:
            run(engine, "CREATE SCHEMA pgvoice AUTHORIZATION pgvoice_test_plain")
            with pytest.raises(SchemaForbidden, match="CREATE SCHEMA pgvoice_internal"):
                migrate(as_plain)
            run(engine, "CREATE SCHEMA pgvoice_internal AUTHORIZATION pgvoice_test_plain")
        migrate(as_plain)
        with VoiceStore.open(plain(as_plain)) as store:
            put(store, "v", {(0, 1): X})


def test_a_user_who_may_not_read_the_schema(store_url: str) -> None:
    with (
        role(make_url(store_url), "pgvoice_test_reader") as as_reader,
        pytest.raises(SchemaForbidden, match="needs the role pgvoice_reader"),
    ):
        VoiceStore.open(plain(as_reader))


def test_a_server_that_dies_in_a_distance(server_url: str) -> None:
    with new_database(server_url) as url:
        with engine_of(url) as engine, engine.begin() as connection:
            for statement in _DYING_DISTANCE:
                connection.execute(text(statement))
        with pytest.raises(PgvectorCrashed, match="processor is too old"):
            migrate(url)


_DYING_DISTANCE = (
    "CREATE EXTENSION vector",
    "CREATE SCHEMA pgvoice",
    "CREATE FUNCTION pgvoice.die(vector, vector) RETURNS boolean LANGUAGE sql"
    " AS 'SELECT pg_terminate_backend(pg_backend_pid())'",
    "CREATE OPERATOR pgvoice.<#> (leftarg = vector, rightarg = vector, function = pgvoice.die)",
)
