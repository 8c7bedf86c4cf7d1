"""Building and dropping an index, with progress from a second connection."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from pgvoice.store.answers import indexes
from pgvoice.store.answers.indexes import BuildProgress
from pgvoice.store.database.failures import first_line, sqlstate
from pgvoice.store.database.preparing import pgvector_version, refuse_parallel_builds
from pgvoice.store.database.sessions import driver_connection, is_pooled
from pgvoice.store.errors import DatabaseFull, OpenedToRead, PrivilegeMissing, SchemaForbidden
from pgvoice.store.recordings.encoders import StoredEncoder

#: Seconds between two progress reports.
INTERVAL = 0.5
#: How long to wait for the server to accept a cancellation.
CANCEL_SECONDS = 10.0
_FORBIDDEN = "42501"
_SHARED_MEMORY = (
    "give the server more shared memory (/dev/shm), or set its dynamic_shared_memory_type to mmap"
)

OnProgress = Callable[[BuildProgress], None]


@dataclass(frozen=True, slots=True)
class BuildReport:
    """The result of a build."""

    #: Tables that got an index; empty if none needed one.
    built: list[str]
    #: Why the build had no parallel workers, and what helps; None if it had those asked for.
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
    *,
    anew: bool = False,
) -> BuildReport:
    """Bring an encoder's index up to date; both connections commit each statement on their own.

    Builds what is missing, and what is outgrown; with `anew`, all of it. Builds without parallel
    workers if the server lacks the shared memory for them, or if its pgvector harms other tables
    with them. Behind a pooler, uses the server's own settings. Raises
    `SchemaForbidden` if the user does not own the tables, and `ValueError` if pgvector cannot index
    the vectors, if `memory` is not an amount of memory, if `memory` or `workers` is given behind a
    pooler, or if the workers that a pooler does not let it refuse would do harm.
    """
    _check_dimension(encoder)
    unsafe = refuse_parallel_builds(pgvector_version(connection))

    def run() -> list[str]:
        return _run_all(connection, watcher, encoder.id, on_progress, anew=anew)

    with explained():
        if is_pooled(connection):
            _refuse_settings(memory, workers)
            _refuse_workers(connection, unsafe)
            needed = indexes.build_memory(connection, encoder.id)
            little = needed.usual > needed.server
            built = run()
            return BuildReport(built, without_memory=little and bool(built))
        indexes.prepare(connection, encoder.id, memory, workers if unsafe is None else 0)
        try:
            built = run()
            return BuildReport(built, None if workers == 0 else unsafe)
        except DatabaseFull as error:
            if workers == 0 or unsafe is not None:
                raise
            why = f"{error.answer}; {_SHARED_MEMORY}"
        indexes.prepare(connection, encoder.id, memory, 0)
        return BuildReport(run(), why)


def drop(connection: Connection, encoder_id: int) -> int:
    """Drop an encoder's index while others fill and search; returns how many tables had one.

    Raises `SchemaForbidden` if the user does not own the tables.
    """
    with explained():
        statements = connection.execute(
            text(
                "SELECT DISTINCT i.part, format('DROP INDEX CONCURRENTLY %s', x.id)"
                " FROM pgvoice.segment_index i CROSS JOIN unnest(i.index || i.left_over) AS x(id)"
                " WHERE i.encoder_id = :encoder AND x.id IS NOT NULL ORDER BY 1, 2"
            ),
            {"encoder": encoder_id},
        ).all()
        for _, statement in statements:
            connection.execute(text(statement))
        return len({part for part, _ in statements})


@contextmanager
def explained() -> Iterator[None]:
    """Raise `SchemaForbidden` if the user lacks the right for what is done with an index."""
    try:
        yield
    except OpenedToRead:
        raise
    except PrivilegeMissing as error:
        raise _forbidden(error.answer) from error
    except DBAPIError as error:
        if sqlstate(error) != _FORBIDDEN:
            raise
        raise _forbidden(first_line(error.orig or error)) from error


def _forbidden(answer: str) -> SchemaForbidden:
    return SchemaForbidden(
        f"this user may not build or drop an index ({answer}): connect as the user who created the"
        " tables"
    )


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


def _refuse_workers(connection: Connection, unsafe: str | None) -> None:
    """Behind a pooler, only the server's own setting keeps parallel workers away."""
    workers = connection.scalar(text("SHOW max_parallel_maintenance_workers"))
    if unsafe is not None and workers != "0":
        raise ValueError(
            f"{unsafe}; or connect to the server itself (--url), where pgvoice can build without"
            " parallel workers, which a pooler does not let it ask for"
        )


def _run_all(
    connection: Connection,
    watcher: Connection,
    encoder_id: int,
    on_progress: OnProgress | None,
    *,
    anew: bool,
) -> list[str]:
    """Run the statements; returns the tables that got an index."""
    steps = connection.execute(
        text("SELECT part, statement FROM pgvoice.segment_index_statements(:encoder, :anew)"),
        {"encoder": encoder_id, "anew": anew},
    ).all()
    with ThreadPoolExecutor(1) as pool:
        for table, statement in steps:
            running = pool.submit(connection.execute, text(statement))
            try:
                while not wait([running], timeout=INTERVAL).done:
                    found = indexes.progress(watcher, encoder_id)
                    if found is not None and on_progress is not None:
                        on_progress(BuildProgress(table, *found))
            except BaseException:
                driver_connection(connection).cancel_safe(timeout=CANCEL_SECONDS)
                raise
            running.result()
    return [table for table, statement in steps if statement.startswith("CREATE")]
