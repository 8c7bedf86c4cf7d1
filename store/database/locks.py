"""Locks that only those can take who may do the work, and what to tell if one is not free.

Whoever can connect may take any advisory lock, and so stop whoever waits for it. So each lock is a
row of ``pgvoice.lock``, which admins and the owner may lock, or, for the fills of a recording, a
row that a writer inserts and never commits. Upgrades take turns by a comment on the schema: it
locks the schema until commit, and only its owner may give one.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Literal

from psycopg.errors import LockNotAvailable
from sqlalchemy import Connection, Engine, text

from pgvoice.store.database.layout import LOCKS, SCHEMA
from pgvoice.store.database.sessions import driver_connection
from pgvoice.store.errors import LockHeld

#: How long to wait for a lock, in seconds, unless the user has a lock_timeout: labels of a large
#: library take long, while an upgrade that waits makes everybody else wait behind it.
PATIENCE = 3600.0
UPGRADE_PATIENCE = 120.0
#: Longest time between two looks at who is in the way, in seconds.
_INTERVAL = 5.0
Name = Literal["labels", "enrollment", "index"]
# Without parameters: with some, the driver's protocol keeps a snapshot for as long as the lock, for
# which the build of an index would wait.
_ROWS = {
    name: text(f"SELECT name FROM pgvoice.lock WHERE name = '{name}' FOR UPDATE")  # noqa: S608
    for name in LOCKS
}
_FREE_ROWS = {name: text(f"{row} SKIP LOCKED") for name, row in _ROWS.items()}
_TIMEOUT = text("SELECT CAST(setting AS integer) FROM pg_settings WHERE name = 'lock_timeout'")
_SET_TIMEOUT = text("SELECT set_config('lock_timeout', :limit, true)")
_IN_THE_WAY = text(
    "SELECT string_agg(format('process %s (%s)', pid, concat_ws(', ', 'user ' || usename,"
    " nullif(application_name, ''), state, 'since ' || date_trunc('second', xact_start))),"
    " ' and ' ORDER BY pid), min(pid)"
    " FROM pg_stat_activity WHERE pid = ANY (pg_blocking_pids(:pid))"
)


def require(connection: Connection) -> None:
    """Fail at once, rather than in the middle, for a user who may not take locks."""
    connection.execute(text("SELECT name FROM pgvoice.lock WHERE false FOR UPDATE"))


def hold(connection: Connection, name: Name) -> None:
    """Wait for a lock and keep it until the transaction ends."""
    connection.execute(_ROWS[name])


def is_held_now(connection: Connection, name: Name) -> bool:
    """Take a lock until the transaction ends, if it is free."""
    return connection.execute(_FREE_ROWS[name]).one_or_none() is not None


def hold_fill(connection: Connection, video: str) -> None:
    """Wait until nobody else fills a video, and keep others waiting until the transaction ends.

    The transaction has to be rolled back: a foreign key keeps the row from being committed.
    """
    connection.execute(
        text("INSERT INTO pgvoice.lock (name) VALUES ('fill ' || :video)"), {"video": video}
    )


def take_turns(connection: Connection) -> None:
    """Wait for other upgrades, and let others wait until this transaction ends.

    Raises psycopg's errors if the user does not own the schema, or if it is not there.
    """
    driver_connection(connection).execute(
        f"COMMENT ON SCHEMA {SCHEMA} IS 'Tables and public functions of pgvoice.'"
    )


@contextmanager
def patient(connection: Connection, what: str, seconds: float | None) -> Iterator[None]:
    """Wait at most this long for each lock, or as long as the user's lock_timeout says.

    None waits without end unless the user has one. Raises `LockHeld`.
    """
    limit = connection.scalar(_TIMEOUT) / 1000
    if not limit and seconds is not None:
        limit = seconds
        connection.execute(_SET_TIMEOUT, {"limit": f"{round(limit * 1000)}ms"})
    if not limit:
        yield
        return
    watch = _Watch(connection, limit)
    try:
        yield
    except Exception as error:
        if not _is_refused_lock(error):
            raise
        raise LockHeld(what, limit, watch.seen, watch.process) from error
    finally:
        watch.stop()


def _is_refused_lock(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, LockNotAvailable):
        error = getattr(error, "orig", None) or error.__cause__
    return error is not None


class _Watch:
    """Looks from a connection of its own at who is in the way of another one."""

    def __init__(self, connection: Connection, limit: float) -> None:
        #: Who was in the way at the last look; None if nobody was.
        self.seen: str | None = None
        self.process: int | None = None
        self._stopped = threading.Event()
        pid: int = connection.scalar(text("SELECT pg_backend_pid()"))
        arguments = (connection.engine, pid, min(_INTERVAL, limit / 4))
        threading.Thread(target=self._look, args=arguments, daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    def _look(self, engine: Engine, pid: int, interval: float) -> None:
        while not self._stopped.wait(interval):
            with suppress(Exception), engine.connect() as connection:
                seen, process = connection.execute(_IN_THE_WAY, {"pid": pid}).one()
                if seen is not None:
                    self.seen, self.process = seen, process
