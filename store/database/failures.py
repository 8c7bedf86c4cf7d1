"""What a server reports when it gives up in the middle of a step, as pgvoice's own errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from pgvoice.store.database import privileges
from pgvoice.store.database.sessions import driver_connection
from pgvoice.store.errors import (
    ConnectionLost,
    DatabaseDeadlock,
    DatabaseFull,
    DatabaseStopped,
    DatabaseTimeout,
    PgvoiceError,
    RowsRefused,
    RowsStored,
    SchemaForbidden,
    SpeechErased,
    VideoErased,
)

#: By SQLSTATE (Postgres' documentation, appendix A). A connection that is lost with any other
#: SQLSTATE is a `ConnectionLost`.
_KINDS: dict[str, type[DatabaseStopped]] = {
    "25P03": DatabaseTimeout,  # idle in a transaction
    "25P04": DatabaseTimeout,  # a transaction
    "40001": DatabaseDeadlock,  # serialization failure
    "40P01": DatabaseDeadlock,
    "53000": DatabaseFull,
    "53100": DatabaseFull,  # disk
    "53200": DatabaseFull,  # memory
    "53400": DatabaseFull,  # a configured limit, such as that for temporary files
    "55P03": DatabaseTimeout,  # waiting for a lock
    "57014": DatabaseTimeout,  # a statement, or somebody cancelled it
    "57P01": ConnectionLost,  # shut down, or terminated by somebody
    "57P02": ConnectionLost,  # crashed
    "57P03": ConnectionLost,  # starting or stopping
    "57P05": DatabaseTimeout,  # an idle session
}


#: The SQLSTATE with which functions refuse a value that they are given.
_INVALID = "22023"
#: The SQLSTATE with which triggers refuse vectors of speech that was erased.
ERASED = "PV003"
#: Those with which our functions say that something is unknown, or means several things.
NO_DATA_FOUND, TOO_MANY_ROWS = "P0002", "P0003"


def speech_erased(error: BaseException) -> SpeechErased:
    """Our error for a trigger's refusal, which names the span."""
    return SpeechErased(
        f"{first_line(error)}, so no vector of it is stored: a new consent of the person who was"
        " erased allows it again, and for a recording `pgvoice erase allow --video`"
    )


def sqlstate(error: DBAPIError) -> str | None:
    """The server's code for an error; None if the error is not the server's."""
    return getattr(error.orig, "sqlstate", None)


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or the name of its class."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def explained(error: BaseException, *, lost: bool) -> DatabaseStopped | None:
    """Our error for the driver's; None unless the server gave up."""
    kind = _KINDS.get(getattr(error, "sqlstate", None) or "", ConnectionLost if lost else None)
    return kind(first_line(error)) if kind else None


def detail(error: DBAPIError) -> str:
    """The detail of the server's message, or nothing."""
    return (isinstance(error.orig, psycopg.Error) and error.orig.diag.message_detail) or ""


@contextmanager
def refused_values() -> Iterator[None]:
    """Turn the refusal of a value by one of our functions into a `ValueError`, with its hint."""
    try:
        yield
    except DBAPIError as error:
        if sqlstate(error) != _INVALID or not isinstance(error.orig, psycopg.Error):
            raise
        hint = (error.orig.diag.message_hint or "").removesuffix(".")
        message = first_line(error.orig)
        raise ValueError(f"{message}: {hint[0].lower()}{hint[1:]}" if hint else message) from None


@contextmanager
def copying(connection: Connection) -> Iterator[psycopg.Connection[object]]:
    """The driver's own connection, for a COPY; turns the driver's errors into ours.

    Raises `DatabaseStopped` in one of its kinds, `RowsStored`, `VideoErased`, `SpeechErased`,
    `SchemaForbidden` and `RowsRefused`.
    """
    if not connection.in_transaction():
        connection.begin()  # which a driver that is used alone would not
    driver = driver_connection(connection)
    try:
        yield driver
    except psycopg.Error as error:
        if driver.closed:
            connection.invalidate(error)
        raise explained(error, lost=driver.closed) or _refusal(connection, error) from error


def _refusal(connection: Connection, error: psycopg.Error) -> PgvoiceError:
    if isinstance(error, psycopg.errors.UniqueViolation):
        return RowsStored(
            "somebody else stored some of these segments in the meantime: look up again which ones"
            " are missing"
        )
    if isinstance(error, psycopg.errors.ForeignKeyViolation) and "video" in (
        error.diag.constraint_name or ""
    ):
        return VideoErased()
    if error.sqlstate == ERASED:
        return speech_erased(error)
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        refused = privileges.refusal(connection, error, statement=None)
        return refused or SchemaForbidden(f"this user may not do that: {first_line(error)}")
    return RowsRefused(
        f"the store does not accept these rows ({first_line(error)}): a vector must be finite, of"
        " unit length and of its encoder's dimension, and its segment's status must be ok or"
        " partial"
    )
