"""An old pgvector is named with its faults, and builds no index with parallel workers."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from pgvoice_testkit.servers.databases import engine_of, run
from pgvoice_testkit.stores.filled import put, unit
from sqlalchemy import Engine, event, text

from pgvoice.store import PgvectorOutdated, VoiceStore
from pgvoice.store.database import preparing
from pgvoice.store.database.preparing import pgvector_risks


@pytest.fixture
def pretend(store_url: str) -> Iterator[Callable[[str], None]]:
    """Makes the test's own database say that its pgvector is another one."""

    def says(version: str) -> None:
        with engine_of(store_url) as engine:
            run(
                engine,
                "SET allow_system_table_mods = on",
                f"UPDATE pg_extension SET extversion = '{version}' WHERE extname = 'vector'",
            )

    with engine_of(store_url) as engine, engine.connect() as connection:
        before = preparing.pgvector_version(connection)
    assert before is not None
    yield says
    says(before)


@pytest.mark.parametrize(
    ("version", "fixed_in"),
    [
        ("0.8.0", ["0.8.2", "0.8.3", "0.8.4"]),
        ("0.8.1", ["0.8.2", "0.8.3", "0.8.4"]),
        ("0.8.2", ["0.8.3", "0.8.4"]),
        ("0.8.3", ["0.8.4"]),
        ("0.8.4", []),
        ("0.8.10", []),
        ("0.10.0", []),
        ("1.0", []),
        (None, []),
    ],
)
def test_the_faults_of_a_version(version: str | None, fixed_in: list[str]) -> None:
    risks = pgvector_risks(version)
    assert [risk.rpartition(" ")[2].rstrip(")") for risk in risks] == fixed_in
    assert (preparing.refuse_parallel_builds(version) is not None) == ("0.8.2" in fixed_in)
    warning = preparing.pgvector_warning(version)
    assert (warning is None) == (not fixed_in)
    assert warning is None or "run `ALTER EXTENSION vector UPDATE`" in warning


def test_opening_warns_once(store_url: str, pretend: Callable[[str], None]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        VoiceStore.open(store_url).close()
    pretend("0.8.1")
    with pytest.warns(PgvectorOutdated, match=r"pgvector 0\.8\.1 has faults: .*CVE-2026-3172"):
        VoiceStore.open(store_url).close()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        VoiceStore.open(store_url).close()


def test_opening_takes_no_further_round_trip(store_url: str) -> None:
    statements: list[str] = []

    def count(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(Engine, "before_cursor_execute", count)
    try:
        VoiceStore.open(store_url).close()
    finally:
        event.remove(Engine, "before_cursor_execute", count)
    ours = [each for each in statements if "pgvoice" in each]
    assert len(ours) == 1
    assert "pg_extension" in ours[0]


def test_commands_say_it(
    pgvoice: Callable[..., Result], store_url: str, pretend: Callable[[str], None]
) -> None:
    assert "pgvector" not in pgvoice("db", "upgrade").stderr
    pretend("0.8.0")
    for command in (["db", "upgrade"], ["db", "status"], ["enroll", "list"]):
        told = pgvoice(*command).stderr
        assert told.startswith("Warning: ")
        assert told.count("\n") == 1
        assert "CVE-2026-3172" in told
    status = json.loads(pgvoice("db", "status", "--json").stdout)
    assert "fixed in pgvector 0.8.4" in status["pgvector_warning"]
    doctor = pgvoice("doctor", "--no-torch", "--json")
    checks = {each["name"]: each for each in json.loads(doctor.stdout)["checks"]}
    assert checks["pgvector"]["state"] == "warn"
    assert "VACUUM can corrupt an index" in checks["pgvector"]["detail"]
    assert doctor.stderr == ""
    assert store_url


@pytest.fixture
def many(store: VoiceStore) -> VoiceStore:
    """Enough segments for an index to be worth parallel workers."""
    random = np.random.default_rng(7)
    rows = {(n / 10, (n + 1) / 10): unit(*random.normal(size=3)) for n in range(3000)}
    put(store, "v", rows)
    return store


@pytest.mark.parametrize("workers", [None, 2, 0])
@pytest.mark.parametrize("version", ["0.8.0", "0.8.1", "0.8.2"])
def test_no_parallel_workers(
    many: VoiceStore, pretend: Callable[[str], None], version: str, workers: int | None
) -> None:
    pretend(version)
    settings: list[str] = []

    def look(connection: Any, _cursor: object, statement: str, *_: object) -> None:
        if "CREATE INDEX" in statement:
            with connection.connection.cursor() as cursor:
                cursor.execute("SHOW max_parallel_maintenance_workers")
                settings.append(cursor.fetchone()[0])

    event.listen(many.database.unpooled, "before_cursor_execute", look)
    report = many.index.build(workers=workers)
    assert report.built
    safe = version == "0.8.2"
    own = "2" if workers is None else str(workers)
    assert settings == [own if safe else "0"]
    assert (report.without_workers is None) == (safe or workers == 0)
    with many.database.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM pgvoice.segment_index WHERE valid"))
