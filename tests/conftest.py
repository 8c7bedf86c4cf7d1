"""A real Postgres for every test: the embedded one, or the one that --database-url names.

``pytest --partitions 16`` runs the tests on stores whose table of vectors is in 16 parts.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from pgvoice_testkit.audio.shared_recordings import SPEECH
from pgvoice_testkit.processes import lazy_modules
from pgvoice_testkit.servers.databases import migrate, new_database, plain, temporary_folder
from sqlalchemy import URL, Connection, create_engine, text

from pgvoice.store import VoiceStore
from pgvoice.store.database import embedded
from pgvoice.store.database.urls import psycopg_url

#: Files that take longest, by the clock or by the processor.
LONGEST = {
    "tests/cli/serve/browser/test_accessible.py",
    "tests/cli/serve/browser/test_flow.py",
    "tests/cli/serve/browser/test_hostile.py",
    "tests/cli/serve/browser/test_in_place.py",
    "tests/cli/test_terminal.py",
    "tests/examples/test_examples.py",
    "tests/faults/test_battery.py",
    "tests/faults/test_chaos.py",
    "tests/hooks/audio/test_audio.py",
    "tests/hooks/audio/test_audio_blocks.py",
    "tests/hooks/encoders/ecapa/test_ecapa.py",
    "tests/hooks/formats/test_fuzz.py",
    "tests/project/test_readme.py",
    "tests/store/database/server/test_lingering.py",
    "tests/store/database/test_leaks.py",
    "tests/store/database/test_roles.py",
    "tests/whole/test_from_audio_alone.py",
    "tests/whole/test_installed_plugins.py",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--database-url", help="a Postgres in which the tests may create databases of their own"
    )
    parser.addoption(
        "--partitions", type=int, default=1, help="parts of the table of vectors in the tests"
    )


def pytest_configure() -> None:
    """Settings of this process and those that it starts.

    No command leaves a server behind, and no encoder is tried out for speed. Arithmetic has one
    thread per process: beside other tests, more of them mostly wait for each other, spinning,
    which takes four times as long.
    """
    os.environ["PGVOICE_LINGER"] = "0"
    os.environ["PGVOICE_TRIAL"] = "0"
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, "1")


def pytest_xdist_auto_num_workers() -> int:
    """One more than the cores, as tests also wait for servers, browsers and other processes."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that take longest first, so that none of them runs when all others are done."""
    items.sort(key=lambda item: item.nodeid.partition("::")[0] not in LONGEST)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call() -> None:
    lazy_modules.calm()


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "PGVOICE_DATABASE_URL",
        "PGVOICE_DATA",
        "PGVOICE_ENCODER",
        "PGVOICE_SEGMENTER",
        "PGVOICE_AUDIO",
        "PGVOICE_PLAYER",
        "PGVOICE_TOKEN",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PGVOICE_PLUGINS", "")


@pytest.fixture
def data_folder() -> Iterator[Path]:
    """A folder for an embedded server of the test's own."""
    with temporary_folder(in_memory=True) as folder:
        yield folder


@pytest.fixture(scope="session")
def server_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The server that the tests' databases live on."""
    given = request.config.getoption("--database-url")
    if given:
        yield plain(psycopg_url(given))
        return
    with temporary_folder(in_memory=True) as folder:
        yield embedded.start(folder).url


@pytest.fixture(scope="session")
def template(server_url: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of a migrated database to copy."""
    with new_database(server_url) as url:
        migrate(url, partitions=request.config.getoption("--partitions"))
        assert url.database is not None
        yield url.database


@pytest.fixture
def store_url(server_url: str, template: str) -> Iterator[str]:
    """A migrated database of the test's own."""
    with new_database(server_url, template) as url:
        yield plain(url)


@pytest.fixture
def store(store_url: str) -> Iterator[VoiceStore]:
    with VoiceStore.open(store_url) as opened:
        yield opened


@pytest.fixture(scope="session")
def _shared_database(server_url: str, template: str) -> Iterator[URL]:
    with new_database(server_url, template) as url:
        yield url


@pytest.fixture(scope="session")
def server_connection(_shared_database: URL) -> Iterator[Connection]:
    """A connection for questions that change nothing, for tests that ask many."""
    engine = create_engine(_shared_database)
    with engine.connect() as opened:
        yield opened
    engine.dispose()


@pytest.fixture
def connection(_shared_database: URL) -> Iterator[Connection]:
    """A transaction that is rolled back; for tests of single statements."""
    engine = create_engine(_shared_database)
    with engine.connect() as opened, opened.begin() as transaction:
        opened.execute(text("SET LOCAL client_min_messages = warning"))
        yield opened
        transaction.rollback()
    engine.dispose()


@pytest.fixture(scope="session")
def speech() -> Path:
    """Real recordings with labels, where they are there."""
    if not SPEECH.is_dir():
        pytest.skip(f"no recordings at {SPEECH}")
    return SPEECH
