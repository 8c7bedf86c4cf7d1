"""Transactions that only hold a lock, for as long as somebody works on other connections.

By a transaction's lock, not a session's: it survives poolers that hand out sessions by transaction,
and goes with a process that is killed.
"""

from __future__ import annotations

from sqlalchemy import Connection, text


def keep_open(connection: Connection) -> None:
    """Have the server not end this transaction because nothing happens in it."""
    for setting in _time_outs(connection):
        connection.execute(text(f"SET LOCAL {setting} = 0"))


def _time_outs(connection: Connection) -> list[str]:
    settings = ["idle_in_transaction_session_timeout"]
    if (connection.dialect.server_version_info or (0,)) >= (17,):
        settings.append("transaction_timeout")
    return settings


def is_pooled(connection: Connection) -> bool:
    """Whether a pooler stands between, which may give the next statement to another session.

    It makes up the number of the server's process that a client is told.
    """
    driver_connection = connection.connection.driver_connection
    assert driver_connection is not None  # noqa: S101 - a connection in use has one
    told: int = driver_connection.info.backend_pid
    behind: int = connection.scalar(text("SELECT pg_backend_pid()"))
    return told != behind
