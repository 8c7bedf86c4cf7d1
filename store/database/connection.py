"""Opens the database at a URL, a setting or the embedded server, and explains refusals."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
from psycopg.errors import InsufficientPrivilege, ReadOnlySqlTransaction
from sqlalchemy import (
    URL,
    Dialect,
    Engine,
    ExceptionContext,
    NullPool,
    QueuePool,
    create_engine,
    event,
)
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from pgvoice.store.database import embedded, failures, privileges, sessions
from pgvoice.store.database.closing import Closing
from pgvoice.store.database.urls import URL_VARIABLE, libpq_url, psycopg_url
from pgvoice.store.errors import (
    DatabaseUnreachable,
    RoleMissing,
    WrongPassword,
)

#: Seconds to wait for a server; and no prepared statements, as a pooler that hands out sessions by
#: transaction would run them in other sessions.
_CONNECT = {"connect_timeout": 10, "prepare_threshold": None}
#: Words in a server's answer if the user or the password is wrong,
_LOGIN_REFUSED = ("password", "role", "authentication failed", "pg_hba.conf")
#: in libpq's answer if TLS fails,
_TLS = ("SSL", "certificate")
#: and in a server's answer if it has no connection left.
_NO_SLOT = ("too many clients", "too many connections", "connection slots are reserved")


@dataclass(frozen=True, slots=True, repr=False)
class Database(Closing):
    """An engine, and the embedded server behind it if there is one."""

    engine: Engine
    server: embedded.EmbeddedServer | None
    #: For connections that are used for long: each is a new one, and ends when it is closed.
    #: `engine` has at most 15 connections, and further callers wait for one.
    unpooled: Engine

    @property
    def url(self) -> URL:
        return self.engine.url

    def __repr__(self) -> str:
        return f"<Database {libpq_url(self.url)}>"

    def close(self) -> None:
        self.engine.dispose()


def open_database(
    url: str | None = None, *, folder: Path | None = None, role: str | None = None
) -> Database:
    """The database at `url`, else the embedded server of `folder`.

    `url` is a URL or a connection string of libpq (``host=db dbname=voices``). Without either, it
    is the database at ``PGVOICE_DATABASE_URL``, else the embedded server of the default folder.
    The first statement connects; until then nothing is sent to your own server. With a `role`,
    every transaction runs as that role, and may only read.
    """
    server = None
    if folder is None:
        url = url or os.environ.get(URL_VARIABLE)
    if not url:
        server = embedded.start(folder)
        url = server.url
    parsed = psycopg_url(url)
    named = {"application_name": server.counted} if server else {}
    as_role = {} if role is None else {sessions.ROLE: role}
    engine, unpooled = (
        create_engine(parsed, connect_args=_CONNECT | named, execution_options=as_role, **options)
        for options in ({"poolclass": _FairPool}, {"poolclass": NullPool})
    )
    for each in (engine, unpooled):
        event.listen(each, "handle_error", _explain)
        event.listen(each, "begin", sessions.begin)
        if server is not None:
            event.listen(each, "do_connect", partial(_connect_again, server))
    event.listen(engine, "checkin", _note_use)
    event.listen(engine, "checkout", _refuse_dead)
    return Database(engine, server, unpooled)


class _FairPool(QueuePool):
    """Gives the next free connection to the thread that has waited longest.

    SQLAlchemy's own pool mostly gives it to the thread that just returned it, while others wait
    until they time out.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._turn = threading.Lock()

    def _do_get(self) -> ConnectionPoolEntry:
        with self._turn:
            return super()._do_get()


def _connect_again(
    server: embedded.EmbeddedServer,
    dialect: Dialect,
    _record: ConnectionPoolEntry,
    arguments: tuple[Any, ...],
    options: dict[str, Any],
) -> DBAPIConnection:
    """Connect, also if the embedded server was killed."""
    try:
        return dialect.connect(*arguments, **options)
    except psycopg.OperationalError:
        if not server.revive():
            raise
        return dialect.connect(*arguments, **options)


def _note_use(_connection: object, entry: ConnectionPoolEntry) -> None:
    entry.info["used"] = True


def _refuse_dead(
    connection: psycopg.Connection[object],
    entry: ConnectionPoolEntry,
    _proxy: PoolProxiedConnection,
) -> None:
    """Make the pool replace a connection that the server ended while it was idle."""
    if "used" in entry.info and not sessions.is_alive(connection):
        raise InvalidatePoolError("the server ended a connection")


def _explain(context: ExceptionContext) -> BaseException | None:
    """Our error if a connection or a statement is refused or the server gives up; else None."""
    error = context.original_exception
    if context.connection is None:
        return None if context.engine is None else _refused(context.engine, error)
    if context.statement == sessions.AS_ROLE and not context.is_disconnect:
        return _no_role(error)
    if isinstance(error, (InsufficientPrivilege, ReadOnlySqlTransaction)):
        return privileges.refusal(context.connection, error, context.statement)
    return failures.explained(error, lost=context.is_disconnect)


def _no_role(error: BaseException) -> RoleMissing:
    answer = failures.first_line(error)
    if isinstance(error, InsufficientPrivilege):
        return RoleMissing(f"the store cannot be opened ({answer}): grant this user that role")
    return RoleMissing(f"the store cannot be opened ({answer}): run `pgvoice db roles --create`")


def _refused(engine: Engine, error: BaseException) -> DatabaseUnreachable:
    where = libpq_url(engine.url)
    answer = failures.first_line(error)
    if any(word in answer for word in _LOGIN_REFUSED):
        return WrongPassword(
            f"{where} refused the login ({answer}): check user and password in {URL_VARIABLE}"
        )
    if any(word in answer for word in _TLS):
        return DatabaseUnreachable(
            f"TLS with {where} fails ({answer}): check the server's settings, and what sslmode and"
            " the certificates in the URL ask for"
        )
    if any(words in answer for words in _NO_SLOT):
        return DatabaseUnreachable(
            f"{where} takes no more connections ({answer}): close some, or raise max_connections"
        )
    return DatabaseUnreachable(
        f"no database answers at {where} ({answer}): check that the server runs and that"
        f" {URL_VARIABLE} names it, or unset it for the embedded server"
    )
