"""Databases for tests; most are copies of a template that was migrated once."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, text

from pgvoice.store import VoiceStore
from pgvoice.store.database import embedded, schema
from pgvoice.store.database.urls import psycopg_url

MEMORY, MEMORY_NEEDED = Path("/dev/shm"), 8 << 30
_numbers = itertools.count()
_COMMITTING: dict[str, Any] = {"isolation_level": "AUTOCOMMIT"}


@contextmanager
def new_database(server_url: str, template: str | None = None) -> Iterator[URL]:
    """A new database, or a copy of the template; dropped at the end."""
    name = f"pgvoice_test_{os.getpid()}_{next(_numbers)}"
    server = psycopg_url(server_url)
    admin = _kept_engine(server) if template else create_engine(server, **_COMMITTING)
    with admin.connect() as connection:
        source = f" TEMPLATE {template}" if template else ""
        connection.execute(text(f"CREATE DATABASE {name}{source}"))
        closed = (connection.dialect.server_version_info or ()) >= (15,)
    if not (template or closed):
        with engine_of(server.set(database=name)) as engine:
            run(engine, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    try:
        yield server.set(database=name)
    finally:
        with admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        if not template:
            admin.dispose()


@cache
def _kept_engine(server: URL) -> Engine:
    """One for all copies, as a new connection takes as long as a third of a copy."""
    return create_engine(server, pool_pre_ping=True, **_COMMITTING)


def migrate(url: URL, *, grid_ms: int = 100, partitions: int = 1, keep_text: bool = False) -> None:
    """Create the schema of a store that requires no consent."""
    engine = create_engine(url)
    schema.upgrade(
        engine, grid_ms=grid_ms, partitions=partitions, consent=False, keep_text=keep_text
    )
    engine.dispose()


def plain(url: URL) -> str:
    """The URL as text, password included."""
    return url.render_as_string(hide_password=False)


@contextmanager
def engine_of(url: URL | str) -> Iterator[Engine]:
    """An engine that is disposed of at the end."""
    engine = create_engine(url)
    yield engine
    engine.dispose()


@contextmanager
def role(url: URL | str, name: str) -> Iterator[URL]:
    """A URL with a new role without rights, which is dropped at the end."""
    with engine_of(url) as engine:
        run(engine, f"CREATE ROLE {name} LOGIN PASSWORD 'right'")
        try:
            yield engine.url.set(username=name, password="right")
        finally:
            run(engine, f"DROP OWNED BY {name} CASCADE", f"DROP ROLE {name}")


def run(engine: Engine, *statements: str) -> None:
    """Run statements in a transaction."""
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


@contextmanager
def temporary_folder(*, in_memory: bool = False) -> Iterator[Path]:
    """A folder for an embedded server: a short path that other users may read.

    `in_memory` puts it into shared memory if that is large: each test creates a database, which is
    hundreds of files, and a disk makes that ten times slower.
    """
    large = in_memory and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > MEMORY_NEEDED
    folder = Path(tempfile.mkdtemp(prefix="pgv", dir=MEMORY if large else None))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        if embedded.exists(folder):
            _stop(folder)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def temporary_store() -> Iterator[VoiceStore]:
    """An empty store in a new embedded server."""
    with temporary_folder() as folder, VoiceStore.open(folder=folder, consent=False) as store:
        yield store


def _stop(folder: Path) -> None:
    """Stop the server, even if somebody is still connected to it."""
    from pgvoice.store.database.server import left_behind, lingering, programs, running

    running.leave(folder)
    lingering.forget(folder)
    if left_behind.postmaster(folder) is not None:
        programs.run(folder, "pg_ctl", "-w", "-m", "immediate", "stop")
