"""Building and dropping an index, with progress from a second connection."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from pgvoice.store.answers import indexes
from pgvoice.store.answers.indexes import BuildProgress, BuildStep
from pgvoice.store.database.failures import sqlstate
from pgvoice.store.database.sessions import is_pooled
from pgvoice.store.errors import DatabaseFull, SchemaForbidden
from pgvoice.store.recordings.encoders import StoredEncoder

#: Seconds between two progress reports.
INTERVAL = 0.5
_FORBIDDEN = "42501"
_NO_VALUE = "22023"

OnProgress = Callable[[BuildProgress], None]


@dataclass(frozen=True, slots=True)
class BuildReport:
    """The result of a build."""

    #: Tables that got an index; empty if all had one.
    built: list[str]
    #: Why the build fell back to no parallel workers; None if it did not.
    without_workers: str | None = None
    #: Whether the build had less memory than it needs, because a pooler drops session settings.
    without_memory: bool = False


def build(
    connection: Connection,
    watcher: Connection,
    encoder: StoredEncoder,
    memory: str | None,
    workers: int | None,
    on_progress: OnProgress | None,
) -> BuildReport:
    """Complete an encoder's index; both connections commit each statement on their own.

    If the server lacks the shared memory for parallel workers, builds without them. Behind a
    pooler, uses the server's own settings. Raises `SchemaForbidden` if the user does not own the
    tables, and `ValueError` if pgvector cannot index the vectors, if `memory` is not an amount of
    memory, or if `memory` or `workers` is given behind a pooler.
    """
    _check_dimension(encoder)
    with _explained():
        if is_pooled(connection):
            _refuse_settings(memory, workers)
            little = indexes.wants_memory(connection, encoder.id)
            built = _run_all(connection, watcher, encoder.id, on_progress)
            return BuildReport(built, without_memory=little and bool(built))
        _prepare(connection, encoder.id, memory, workers)
        try:
            return BuildReport(_run_all(connection, watcher, encoder.id, on_progress))
        except DatabaseFull as error:
            if workers == 0:
                raise
            why = error.answer
        indexes.prepare(connection, encoder.id, memory, 0)
        return BuildReport(_run_all(connection, watcher, encoder.id, on_progress), why)


def drop(connection: Connection, encoder_id: int) -> int:
    """Drop an encoder's index while others fill and search; returns how many tables had one.

    Raises `SchemaForbidden` if the user does not own the tables.
    """
    with _explained():
        statements = indexes.drop_statements(connection, encoder_id)
        for statement in statements:
            connection.execute(text(statement))
        return len(statements)


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        if sqlstate(error) != _FORBIDDEN:
            raise
        raise SchemaForbidden(
            f"this user may not build or drop an index ({_message(error)}): connect as the user"
            " who created the tables"
        ) from error


def _check_dimension(encoder: StoredEncoder) -> None:
    if encoder.identity.dimension > indexes.MAX_DIMENSION:
        raise ValueError(
            f"vectors of {encoder.identity} have {encoder.identity.dimension:,} elements, and"
            f" pgvector indexes at most {indexes.MAX_DIMENSION:,}: searches compare every segment"
        )


def _refuse_settings(memory: str | None, workers: int | None) -> None:
    if memory is not None or workers is not None:
        raise ValueError(
            "memory and workers are settings of a session, which a pooler does not keep: connect to"
            " the server itself (--url), or leave them out"
        )


def _prepare(
    connection: Connection, encoder_id: int, memory: str | None, workers: int | None
) -> None:
    try:
        indexes.prepare(connection, encoder_id, memory, workers)
    except DBAPIError as error:
        if sqlstate(error) != _NO_VALUE:
            raise
        raise ValueError(
            f"{memory!r} is not an amount of memory: write it like 512MB or 2GB"
        ) from None


def _run_all(
    connection: Connection, watcher: Connection, encoder_id: int, on_progress: OnProgress | None
) -> list[str]:
    tables: dict[str, None] = {}
    with ThreadPoolExecutor(1) as pool:
        for step in indexes.steps(connection, encoder_id):
            running = pool.submit(_run, connection, step.statement)
            with _cancelled_on_error(connection):
                _watch(running, watcher, encoder_id, step, on_progress)
            running.result()
            tables[step.table] = None
    return list(tables)


def _run(connection: Connection, statement: str) -> None:
    connection.execute(text(statement))


@contextmanager
def _cancelled_on_error(connection: Connection) -> Iterator[None]:
    """Cancel the statement that runs on the connection if anything interrupts us."""
    try:
        yield
    except BaseException:
        indexes.cancel(connection)
        raise


def _watch(
    running: Future[None],
    watcher: Connection,
    encoder_id: int,
    step: BuildStep,
    on_progress: OnProgress | None,
) -> None:
    while not wait([running], timeout=INTERVAL).done:
        found = indexes.progress(watcher, encoder_id)
        if found is not None and on_progress is not None:
            on_progress(BuildProgress(step.table, *found))


def _message(error: DBAPIError) -> str:
    return (str(error.orig).strip() or type(error.orig).__name__).splitlines()[0]
