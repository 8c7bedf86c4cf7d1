"""What a server says when it gives up in the middle, as errors of ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.pq import ConnStatus
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from pgvoice.store.errors import (
    ConnectionLost,
    DatabaseDeadlock,
    DatabaseFull,
    DatabaseStopped,
    DatabaseTimeout,
    PgvoiceError,
    RowsRefused,
    RowsStored,
    VideoErased,
)

#: SQLSTATEs (Postgres' documentation, appendix A); where none fits, a lost connection is just that.
_KINDS: dict[str, type[DatabaseStopped]] = {
    "25P03": DatabaseTimeout,  # idle in a transaction
    "25P04": DatabaseTimeout,  # a transaction
    "40001": DatabaseDeadlock,  # serialization failure
    "40P01": DatabaseDeadlock,
    "53000": DatabaseFull,
    "53100": DatabaseFull,  # disk
    "53200": DatabaseFull,  # memory
    "53400": DatabaseFull,  # a configured limit, as of temporary files
    "55P03": DatabaseTimeout,  # waiting for a lock
    "57014": DatabaseTimeout,  # a statement, or somebody cancelled it
    "57P01": ConnectionLost,  # shut down, or terminated by somebody
    "57P02": ConnectionLost,  # crashed
    "57P03": ConnectionLost,  # starting or stopping
    "57P05": DatabaseTimeout,  # an idle session
}


def sqlstate(error: DBAPIError) -> str | None:
    """What the server says that it is; None where it was not the server."""
    return getattr(error.orig, "sqlstate", None)


def explained(error: BaseException, *, lost: bool) -> DatabaseStopped | None:
    """Our error for what the driver raised; None for what is not the server's giving up."""
    state = getattr(error, "sqlstate", None)
    kind = _KINDS.get(state or "") or (ConnectionLost if lost else None)
    return kind(_first_line(error), state) if kind else None


@contextmanager
def copying(connection: Connection) -> Iterator[psycopg.Connection[object]]:
    """The driver's own connection, for a COPY of segments; what it raises becomes ours.

    Raises `DatabaseStopped` in one of its kinds, `RowsStored`, `VideoErased` and `RowsRefused`.
    """
    driver_connection = connection.connection.driver_connection
    assert driver_connection is not None  # noqa: S101 - a connection in use has one
    try:
        yield driver_connection
    except psycopg.Error as error:
        if driver_connection.closed:
            connection.invalidate(error)
        raise _of_a_copy(error, lost=driver_connection.closed) from error


def is_alive(driver_connection: psycopg.Connection[object]) -> bool:
    """Whether the server has not ended a connection that nobody uses now; asks nobody.

    The first look may find the server's last words, the second that nothing follows.
    """
    try:
        driver_connection.pgconn.consume_input()
        driver_connection.pgconn.consume_input()
    except psycopg.Error:
        return False
    return driver_connection.pgconn.status == ConnStatus.OK


def _of_a_copy(error: psycopg.Error, *, lost: bool) -> PgvoiceError:
    stopped = explained(error, lost=lost)
    if stopped is not None:
        return stopped
    if isinstance(error, psycopg.errors.UniqueViolation):
        return RowsStored()
    if isinstance(error, psycopg.errors.ForeignKeyViolation) and "video" in (
        error.diag.constraint_name or ""
    ):
        return VideoErased()
    return RowsRefused(_first_line(error))


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
