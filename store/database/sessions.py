"""The session behind a connection: whether it lives, its time-outs, and whom it works for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import psycopg
from psycopg.pq import ConnStatus
from sqlalchemy import Connection, text

from pgvoice.store.errors import OpenedToRead
from pgvoice.store.names import checked

#: For whom this thread or task works, if somebody said so.
_author: ContextVar[str | None] = ContextVar("pgvoice_author", default=None)


@contextmanager
def on_behalf_of(author: str) -> Iterator[None]:
    """Work for a person within this block; raises `ValueError` for what is no name.

    Restores who was set before without a token, as a web framework may leave the block in another
    context than it entered it.
    """
    before = _author.get()
    _author.set(checked(author, "an author's name"))
    try:
        yield
    finally:
        _author.set(before)


#: The option of an engine whose transactions run as this role, and may only read.
ROLE = "pgvoice_role"
#: Makes a transaction one that may only read, as a role. Postgres does not let it write again.
AS_ROLE = "SELECT set_config('role', %s, true), set_config('transaction_read_only', 'on', true)"


def role_of(connection: Connection) -> str | None:
    """The role that the store was opened with, to be read."""
    role: str | None = connection.get_execution_options().get(ROLE)
    return role


def begin(connection: Connection) -> None:
    """Tell the transaction that begins for whom it works, and that it may only do what a role may.

    In each transaction, as a pooler may run each in another session. Raises `OpenedToRead` for a
    statement outside of transactions.
    """
    if (role := role_of(connection)) is not None:
        if driver_connection(connection).autocommit:
            raise OpenedToRead("a statement outside of transactions", role)
        connection.exec_driver_sql(AS_ROLE, (role,))
    if (author := _author.get()) is not None:
        connection.exec_driver_sql("SELECT set_config('pgvoice.author', %s, true)", (author,))


def driver_connection(connection: Connection) -> psycopg.Connection[object]:
    """The psycopg connection of a connection that is in use."""
    found = connection.connection.driver_connection
    assert isinstance(found, psycopg.Connection)  # noqa: S101 - a connection in use has one
    return found


def is_alive(connection: psycopg.Connection[object]) -> bool:
    """Whether the server has not ended an idle connection; sends nothing to the server.

    The first read may return the server's last message, the second finds that the stream has ended.
    """
    try:
        connection.pgconn.consume_input()
        connection.pgconn.consume_input()
    except psycopg.Error:
        return False
    return connection.pgconn.status == ConnStatus.OK


def keep_open(connection: Connection) -> None:
    """Keep the server from ending this transaction while it is idle.

    For a transaction that only holds a lock while other connections do the work. A session's lock
    would not survive poolers that hand out sessions by transaction.
    """
    settings = ["idle_in_transaction_session_timeout"]
    if (connection.dialect.server_version_info or (0,)) >= (17,):
        settings.append("transaction_timeout")
    for setting in settings:
        connection.execute(text(f"SET LOCAL {setting} = 0"))


def is_pooled(connection: Connection) -> bool:
    """Whether there is a pooler in between, which may run the next statement in another session.

    A pooler makes up the process number that it reports to a client.
    """
    reported = driver_connection(connection).info.backend_pid
    actual: int = connection.scalar(text("SELECT pg_backend_pid()"))
    return reported != actual
