"""Running the build of an index, and watching it from a second connection."""

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

#: Seconds between two looks at a build.
INTERVAL = 0.5
_FORBIDDEN = "42501"
_NO_VALUE = "22023"

OnProgress = Callable[[BuildProgress], None]


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build did."""

    #: Tables that got an index; none where all had one.
    built: list[str]
    #: Why no parallel workers were used although they were to be; None where they were.
    without_workers: str | None = None
    #: Whether it had less memory than it needs, as a pooler keeps no settings of a session.
    without_memory: bool = False


def build(
    connection: Connection,
    watcher: Connection,
    encoder: StoredEncoder,
    memory: str | None,
    workers: int | None,
    on_progress: OnProgress | None,
) -> BuildReport:
    """Make an encoder's index whole; both connections commit every statement by themselves.

    A server without the shared memory for parallel workers is asked again to do without them.
    Behind a pooler the server's own settings count. Raises `SchemaForbidden` for a user who does
    not own the tables, and `ValueError` for vectors that pgvector cannot index, for memory that is
    none, and for memory and workers that a pooler would not keep.
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

    Raises `SchemaForbidden` as `build` does.
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
            "memory and workers of a build are settings of a session, which the pooler between does"
            " not keep: name the server itself by --url, or have it built without them"
        )


def _prepare(
    connection: Connection, encoder_id: int, memory: str | None, workers: int | None
) -> None:
    try:
        indexes.prepare(connection, encoder_id, memory, workers)
    except DBAPIError as error:
        if sqlstate(error) != _NO_VALUE:
            raise
        raise ValueError(f"{memory!r} is no amount of memory: write it like 512MB or 2GB") from None


def _run_all(
    connection: Connection, watcher: Connection, encoder_id: int, on_progress: OnProgress | None
) -> list[str]:
    tables: dict[str, None] = {}
    with ThreadPoolExecutor(1) as pool:
        for step in indexes.steps(connection, encoder_id):
            running = pool.submit(_run, connection, step.statement)
            with _cancelled_with_us(connection):
                _watch(running, watcher, encoder_id, step, on_progress)
            running.result()
            tables[step.table] = None
    return list(tables)


def _run(connection: Connection, statement: str) -> None:
    connection.execute(text(statement))


@contextmanager
def _cancelled_with_us(connection: Connection) -> Iterator[None]:
    """Whatever ends the watching ends what the server does on the connection."""
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
