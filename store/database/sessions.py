"""The session behind a connection: the driver's own connection, whether it lives, its time-outs."""

from __future__ import annotations

import psycopg
from psycopg.pq import ConnStatus
from sqlalchemy import Connection, text


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
