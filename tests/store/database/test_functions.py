"""The files of SQL functions, and the upgrade that makes a store have just these functions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pgvoice_testkit.servers.databases import engine_of, migrate, new_database, plain, role, run
from pgvoice_testkit.stores.filled import X, put
from psycopg.errors import DependentObjectsStillExist
from sqlalchemy import URL, Connection, text

from pgvoice.migrations import function_files
from pgvoice.store import VoiceStore
from pgvoice.store.database import roles, schema
from pgvoice.store.errors import SchemaForbidden, SchemaMismatch

MIGRATIONS = Path(schema.__file__).parents[2] / "migrations"
FUNCTION_NAME = re.compile(r"CREATE OR REPLACE FUNCTION (pgvoice(?:_internal)?)\.(\w+)\(")
FUNCTION = re.compile(r"CREATE OR REPLACE FUNCTION (pgvoice(?:_internal)?\.\w+)\(")
DEFINED = re.compile(
    r"CREATE OR REPLACE (?:FUNCTION|TRIGGER|VIEW) [\w.]+|CREATE CONSTRAINT TRIGGER \w+"
    r"|COMMENT ON (?:FUNCTION|VIEW) [\w.]+"
)
#: A time on the grid, with and without the grid.
OVERLOADED = {"pgvoice.snap_ms": 2}
NAMES = text(
    "SELECT n.nspname || '.' || p.proname FROM pg_proc p JOIN pg_namespace n"
    " ON n.oid = p.pronamespace WHERE n.nspname IN ('pgvoice', 'pgvoice_internal')"
)


@pytest.fixture
def url(server_url: str, template: str) -> Iterator[URL]:
    with new_database(server_url, template) as database:
        yield database


@contextmanager
def _answer(url: URL, question: str) -> Iterator[object]:
    with engine_of(url) as engine, engine.connect() as connection:
        yield connection.scalar(text(question))


def _upgrade(url: URL) -> None:
    with engine_of(url) as engine:
        schema.upgrade(engine)


# The files


def _files() -> list[Path]:
    return sorted(function_files.FOLDER.iterdir())


def test_every_file_has_its_place_in_the_order() -> None:
    assert sorted(function_files.FILES) == [file.stem for file in _files()]


def test_each_is_defined_once() -> None:
    names = [name for statement in function_files.read() for name in FUNCTION.findall(statement)]
    assert {name: count for name, count in Counter(names).items() if count > 1} == OVERLOADED


def test_the_files_define_what_a_store_has(connection: Connection) -> None:
    names = [name for statement in function_files.read() for name in FUNCTION.findall(statement)]
    assert sorted(connection.scalars(NAMES)) == sorted(names)


@pytest.mark.parametrize("file", _files(), ids=lambda file: file.stem)
def test_a_file_is_laid_out_in_statements(file: Path) -> None:
    """Each statement begins in the first column, and no other line begins like one."""
    sql = file.read_text(encoding="utf-8")
    assert re.match(r"-- .+\.\n\nC", sql) or re.match(r"-- .+\.\n\n-- ", sql), "what it is for"
    statements = function_files.statements(sql)
    assert [each for each in statements if not DEFINED.match(each)] == []
    assert [each for each in statements if not re.search(r";\s*(--.*\s*)*\Z", each)] == []
    assert not re.search(r"^(ALTER|DROP|DO|GRANT|REVOKE|UPDATE|INSERT)\b", sql, re.MULTILINE)
    assert len(sql.splitlines()) <= 300


def test_the_reference_lists_each_with_its_file() -> None:
    """The README of the folder lists it in the table of its schema."""
    reference = (MIGRATIONS / "README.md").read_text(encoding="utf-8")
    public, internal = reference.split("\n## Public functions")[1].split("\n## Internal functions")
    for file in _files():
        for schema_name, name in FUNCTION_NAME.findall(file.read_text(encoding="utf-8")):
            if schema_name == "pgvoice":
                assert re.search(rf"\| .*`{name}\(.* \| .* \| `{file.stem}` \|", public), name
            else:
                assert re.search(rf"\| `{file.stem}` \| .*`{name}`", internal), name


def test_nothing_else_defines_a_function_or_edits_a_file() -> None:
    others = [*MIGRATIONS.glob("*.py"), *MIGRATIONS.glob("versions/*"), *MIGRATIONS.glob("*.sql")]
    for file in filter(Path.is_file, others):
        written = file.read_text(encoding="utf-8")
        assert not re.search(r"(CREATE|ALTER)( OR REPLACE)? FUNCTION \w*\.", written), file
        assert ".replace(" not in written, file
    sql = [file for file in MIGRATIONS.rglob("*.sql") if file.parent != function_files.FOLDER]
    assert sorted(file.name for file in sql) == ["grants.sql", "guards.sql"]


# Upgrades


def test_what_no_file_defines_any_more_is_dropped(url: URL) -> None:
    """Old helpers and old overloads; functions that depend on each other are dropped together."""
    with engine_of(url) as engine:
        run(
            engine,
            "CREATE FUNCTION pgvoice.old() RETURNS integer LANGUAGE sql RETURN 1",
            "CREATE FUNCTION pgvoice_internal.older() RETURNS integer LANGUAGE sql"
            " RETURN pgvoice.old()",
            "CREATE FUNCTION pgvoice.identify(video text, odd inet) RETURNS integer LANGUAGE sql"
            " RETURN 1",
        )
        before = _described(url)
        schema.upgrade(engine)
    assert len(before) - len(_described(url)) == 3


def _described(url: URL) -> list[str]:
    with engine_of(url) as engine, engine.connect() as connection:
        return list(connection.scalars(NAMES))


def test_what_somebody_else_needs_is_not_dropped(url: URL) -> None:
    with engine_of(url) as engine:
        run(
            engine,
            "CREATE FUNCTION pgvoice.old() RETURNS integer LANGUAGE sql RETURN 1",
            "CREATE VIEW public.theirs AS SELECT pgvoice.old()",
        )
        with pytest.raises(
            DependentObjectsStillExist, match=r"view public.theirs depends on .*old"
        ):
            schema.upgrade(engine)
        run(engine, "DROP VIEW public.theirs")
        schema.upgrade(engine)
    assert "pgvoice.old" not in _described(url)


def test_a_changed_return_type_is_created_again(url: URL) -> None:
    """So are renamed arguments and views with other columns, but nothing else."""
    kept = "SELECT CAST('pgvoice.identify' AS regproc)::oid::bigint"
    with _answer(url, kept) as before, engine_of(url) as engine:
        run(
            engine,
            "DROP FUNCTION pgvoice.cache_stats()",
            "CREATE FUNCTION pgvoice.cache_stats() RETURNS integer LANGUAGE sql RETURN 1",
            "DROP FUNCTION pgvoice_internal.name_hash(text)",
            "CREATE FUNCTION pgvoice_internal.name_hash(odd text) RETURNS bytea LANGUAGE sql"
            " RETURN CAST(NULL AS bytea)",
            "DROP VIEW pgvoice.label",
            "CREATE VIEW pgvoice.label AS SELECT 1 AS odd",
        )
        schema.upgrade(engine)
    with _answer(url, "SELECT requested FROM pgvoice.cache_stats()") as requested:
        assert requested == 0
    with _answer(url, "SELECT count(video) FROM pgvoice.label") as labels:
        assert labels == 0
    with _answer(url, kept) as after:
        assert after == before


def test_views_and_rights_of_others_survive(url: URL) -> None:
    with role(url, "pgvoice_test_guest") as guest:
        with engine_of(url) as engine:
            run(
                engine,
                "CREATE VIEW public.theirs AS"
                " SELECT speaker, pgvoice.snap_ms(1) FROM pgvoice.identify('v')",
                "CREATE VIEW public.labelled AS SELECT count(*) FROM pgvoice.label",
                "GRANT USAGE ON SCHEMA pgvoice TO pgvoice_test_guest",
                "GRANT EXECUTE ON FUNCTION pgvoice.coverage TO pgvoice_test_guest",
                "UPDATE pgvoice.setting SET functions = 'others'",
                "INSERT INTO pgvoice.video (key) VALUES ('v')",
            )
            schema.upgrade(engine)
        with _answer(url, "SELECT count(*) FROM public.theirs, public.labelled") as found:
            assert found == 0
        with _answer(guest, "SELECT count(*) FROM pgvoice.coverage(NULL, 1)") as found:
            assert found == 0


def test_an_upgrade_by_somebody_else_leaves_the_owner_in_charge(server_url: str) -> None:
    """After a superuser upgrades, definers can still call the functions that they need."""
    with new_database(server_url) as database, role(database, "pgvoice_test_owner") as owner:
        with engine_of(database) as engine:
            run(
                engine,
                "CREATE EXTENSION vector",
                f"GRANT CREATE ON DATABASE {database.database} TO pgvoice_test_owner",
            )
            migrate(owner)
            schema.downgrade(engine, schema.OLDEST)
            run(engine, "DROP SCHEMA pgvoice_internal")
            schema.upgrade(engine)
        with VoiceStore.open(plain(owner)) as store:
            put(store, "v", {(0, 1): X})
            store.people.enroll_segments("ann", "v", [(0, 1)], min_speech=1)
            assert [answer.speaker for answer in store.answers.identify("v")] == ["ann"]
        others = "SELECT count(*) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
        others += " WHERE n.nspname LIKE 'pgvoice%' AND p.proowner <> n.nspowner"
        with _answer(database, others) as found:
            assert found == 0


def test_who_does_not_own_them_may_not_upgrade(url: URL) -> None:
    with role(url, "pgvoice_test_other") as other, engine_of(other) as engine:
        with engine_of(url) as owning:
            run(owning, "GRANT pgvoice_admin TO pgvoice_test_other")
        with pytest.raises(
            SchemaForbidden, match=r"must be owner of schema .* connect as the user who"
        ):
            schema.upgrade(engine)


def test_functions_of_an_extension_stay(url: URL, server_url: str) -> None:
    """Pgvector may be in our own schema."""
    with new_database(server_url) as other:
        with engine_of(other) as engine:
            run(engine, "CREATE SCHEMA pgvoice", "CREATE EXTENSION vector SCHEMA pgvoice")
            schema.upgrade(engine, consent=False)
            schema.upgrade(engine)
        with VoiceStore.open(plain(other)) as store:
            put(store, "v", {(0, 1): X})
            assert store.answers.identify("v")[0].reason == "no_profiles"


def test_a_hand_made_change_is_taken_back(url: URL) -> None:
    with engine_of(url) as engine:
        run(
            engine,
            "CREATE OR REPLACE FUNCTION pgvoice.encoder_id(name text) RETURNS integer"
            " LANGUAGE sql STABLE STRICT RETURN 1",
        )
    _upgrade(url)
    with _answer(url, "SELECT prosrc LIKE '%no encoder named%' FROM pg_proc"
                      " WHERE proname = 'encoder_id'") as same:  # fmt: skip
        assert same


# The digest


def test_other_functions_ask_for_an_upgrade(url: URL) -> None:
    for digest in ("'0'", "NULL"):
        with engine_of(url) as engine:
            run(engine, f"UPDATE pgvoice.setting SET functions = {digest}")
        with pytest.raises(SchemaMismatch, match=r"functions are those .* `pgvoice db upgrade`"):
            VoiceStore.open(plain(url))
        _upgrade(url)
        with VoiceStore.open(plain(url)) as store:
            assert store.people.speakers() == []


def test_the_embedded_server_gets_other_functions_when_it_is_opened(data_folder: Path) -> None:
    with VoiceStore.open(folder=data_folder) as store:
        run(
            store.database.engine,
            "UPDATE pgvoice.setting SET functions = '0'",
            "CREATE FUNCTION pgvoice.old() RETURNS integer LANGUAGE sql RETURN 1",
        )
    with (
        VoiceStore.open(folder=data_folder) as store,
        store.database.engine.connect() as connection,
    ):
        assert schema.is_current(schema.state(connection))
        assert "pgvoice.old" not in connection.scalars(NAMES).all()


def test_the_digest_is_that_of_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = [schema.functions_digest()]
    (tmp_path / "functions").mkdir()
    for file in (*_files(), MIGRATIONS / "grants.sql", MIGRATIONS / "guards.sql"):
        (tmp_path / file.relative_to(MIGRATIONS)).write_bytes(file.read_bytes())
    monkeypatch.setattr(schema, "_MIGRATIONS", tmp_path)
    for changed in (None, "functions/verify.sql", "grants.sql", "guards.sql"):
        if changed:
            with (tmp_path / changed).open("a", encoding="utf-8") as written:
                written.write("-- changed\n")
        seen.append(schema.functions_digest.__wrapped__())
    assert seen[0] == seen[1]
    assert len(set(seen)) == 4


def test_roles_of_an_old_store_ask_for_an_upgrade(url: URL) -> None:
    with engine_of(url) as engine:
        schema.downgrade(engine, schema.OLDEST)
        run(engine, "DROP SCHEMA pgvoice_internal")
        with pytest.raises(SchemaMismatch, match="db upgrade"):
            schema.give_roles(engine)
        schema.upgrade(engine)
        schema.give_roles(engine)
        with engine.connect() as connection:
            assert roles.lacking(connection) is None
