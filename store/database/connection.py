"""From a URL, a setting or nothing to a database that answers; what it refuses, in plain words."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import (
    URL,
    Engine,
    ExceptionContext,
    NullPool,
    QueuePool,
    create_engine,
    event,
    make_url,
)
from sqlalchemy.exc import ArgumentError, InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from pgvoice.store.database import embedded, failures
from pgvoice.store.database.closing import Closing
from pgvoice.store.errors import DatabaseError, DatabaseUnreachable, WrongPassword

URL_VARIABLE = "PGVOICE_DATABASE_URL"
#: Seconds to wait for a server; and no prepared statements, which a pooler that hands out sessions
#: by transaction would give to others.
_CONNECT = {"connect_timeout": 10, "prepare_threshold": None}
#: Parts of a URL's query that are nobody's business.
SECRETS = ("password", "sslpassword")
#: What servers say when the user or the password is the trouble.
_LOGIN_REFUSED = ("password", "role", "authentication failed", "pg_hba.conf")
#: What libpq says when it is TLS.
_TLS = ("SSL", "certificate")
#: What they say when as many are connected as may be.
_NO_SLOT = ("too many clients", "too many connections", "connection slots are reserved")


@dataclass(frozen=True, slots=True)
class Database(Closing):
    """An engine, and the embedded server behind it if there is one."""

    engine: Engine
    server: embedded.EmbeddedServer | None
    #: For connections that are held long: each is a new one, and ends when it is closed. Those of
    #: `engine` are 15 at most, and whoever needs one waits.
    unpooled: Engine

    @property
    def url(self) -> URL:
        return self.engine.url

    def close(self) -> None:
        self.engine.dispose()


def open_database(url: str | None = None, *, folder: Path | None = None) -> Database:
    """The database at `url`, else the embedded server of `folder`.

    Without either it is the database at ``PGVOICE_DATABASE_URL``, else the embedded server of the
    usual folder. Nothing is sent to a server of the user's yet: the first statement connects.
    """
    server = None
    if folder is None:
        url = url or os.environ.get(URL_VARIABLE)
    if not url:
        server = embedded.start(folder)
        url = server.url
    parsed = psycopg_url(url)
    engine, unpooled = (
        create_engine(parsed, connect_args=_CONNECT, **options)
        for options in ({"poolclass": _FairPool}, {"poolclass": NullPool})
    )
    for each in (engine, unpooled):
        event.listen(each, "handle_error", _explain)
    event.listen(engine, "checkin", _note_use)
    event.listen(engine, "checkout", _refuse_dead)
    return Database(engine, server, unpooled)


def psycopg_url(url: str) -> URL:
    """The URL with its driver spelled out, ``postgresql+psycopg``, and the password in its place.

    There SQLAlchemy hides it wherever the URL is shown; of two the one in the query counts, as for
    libpq. Raises `DatabaseError` for what is not a URL of a Postgres database.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise DatabaseError(f"not a database URL; {_shape()}") from None
    if parsed.drivername not in ("postgres", "postgresql", "postgresql+psycopg"):
        raise DatabaseError(
            f"{parsed.drivername!r} is not a Postgres URL that pgvoice can use; {_shape()}"
        )
    if "password" in parsed.query:
        named = parsed.set(username=parsed.username or "", password=password_of(parsed))
        parsed = named.difference_update_query(["password"])
    return parsed.set(drivername="postgresql+psycopg")


def without_password(url: URL) -> URL:
    """The URL with no password in it, wherever it stood, nor that of a key for TLS."""
    bare = url.difference_update_query(SECRETS)
    return URL.create(
        bare.drivername, bare.username, None, bare.host, bare.port, bare.database, bare.query
    )


def password_of(url: URL) -> str | None:
    """The password in a URL, wherever it stands."""
    found = url.query.get("password") or url.password
    return None if found is None else str(found)


def _shape() -> str:
    return f"{URL_VARIABLE} looks like postgresql://user:password@host:5432/database"


class _FairPool(QueuePool):
    """Whoever waits for a connection gets the next one.

    SQLAlchemy's own gives it to whoever asks first when it comes back, which is mostly the thread
    that just gave it back; others wait until they give up.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._turn = threading.Lock()

    def _do_get(self) -> ConnectionPoolEntry:
        with self._turn:
            return super()._do_get()


def _note_use(_connection: object, entry: ConnectionPoolEntry) -> None:
    entry.info["used"] = True


def _refuse_dead(
    connection: psycopg.Connection[object],
    entry: ConnectionPoolEntry,
    _proxy: PoolProxiedConnection,
) -> None:
    """Has the pool replace connections that the server ended while nobody used them."""
    if "used" in entry.info and not failures.is_alive(connection):
        raise InvalidatePoolError("the server ended a connection")


def _explain(context: ExceptionContext) -> BaseException | None:
    """An error of ours for a refused connection and for a server that gives up; else none."""
    if context.connection is not None:
        return failures.explained(context.original_exception, lost=context.is_disconnect)
    return None if context.engine is None else _refused(context.engine, context.original_exception)


def _refused(engine: Engine, error: BaseException) -> DatabaseUnreachable:
    where = without_password(engine.url).render_as_string()
    answer = str(error).strip().splitlines()[0]
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
