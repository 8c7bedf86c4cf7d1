"""``VoiceStore.events``: what happens in the store, told when it happens."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Literal

import psycopg
from sqlalchemy import Connection, text

from pgvoice.store.database import sessions
from pgvoice.store.database.closing import Closing
from pgvoice.store.database.connection import Database
from pgvoice.store.errors import DatabaseError

#: Seconds between two looks at whether a listener was closed, and two attempts to connect again.
_LOOK, _RETRY = 0.2, 1.0
#: The events that triggers tell of, and one of these with its number.
_SENT = ("filled", "named", "heard", "labelled")
_Notice = tuple[str, int]
_HAPPENED = text(
    "SELECT kind, video, speaker, voice, at FROM pgvoice.happened(:event, :id)"
    " ORDER BY video, speaker"
)
#: The largest ``bigint`` of Postgres.
_LARGEST = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in the store."""

    #: ``filled``: a fill stored vectors of a recording. ``named``: somebody new was enrolled, or an
    #: unknown voice got a name. ``heard``: a voice joined an unknown voice, or a run of labels
    #: names somebody in a recording for the first time. ``reconnected``: the connection was lost,
    #: so events may have been missed.
    kind: Literal["filled", "named", "heard", "reconnected"]
    video: str | None
    speaker: str | None
    #: The number of the unknown voice that was heard, or that got the name.
    voice: int | None
    at: datetime


class Events:
    """What happens in the store; for everybody who may read it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def listen(self, *, timeout: float | None = None) -> Listening:
        """What happens from now on, to iterate over; each listener has a connection of its own.

        It ends when it is closed, from any thread, and after `timeout` seconds without an event.
        Raises `DatabaseError` behind a pooler, which does not pass notifications on.
        """
        return Listening(self._database, timeout)


class Listening(Closing):
    """An iterator of events, in their order; connects again if the connection is lost.

    One thread iterates; any may close it, which ends the iteration within a fifth of a second.
    """

    def __init__(self, database: Database, timeout: float | None) -> None:
        self._database = database
        self._timeout = timeout
        self._closed = threading.Event()
        #: Held while the connection is used.
        self._using = threading.Lock()
        self._connection: Connection | None = self._connect()

    def __iter__(self) -> Iterator[Event]:
        quiet_since = monotonic()
        try:
            while not self._closed.is_set():
                for event in self._next():
                    yield event
                    quiet_since = monotonic()
                if self._timeout is not None and monotonic() - quiet_since >= self._timeout:
                    break
        finally:
            self.close()

    def close(self) -> None:
        """End the iteration, and the connection."""
        self._closed.set()
        # A thread that iterates may wait for a server, and ends the connection itself.
        if self._using.acquire(blocking=False):
            try:
                self._disconnect()
            finally:
                self._using.release()

    def _next(self) -> Iterable[Event]:
        """What happened until now, or within the next moment."""
        try:
            with self._using:
                if self._closed.is_set():
                    return []
                if self._connection is None:
                    self._connection = self._connect()
                    return [Event("reconnected", None, None, None, datetime.now(UTC))]
                notices = self._received(self._connection)
            return self._resolved(notices)
        except (psycopg.OperationalError, DatabaseError):
            with self._using:
                self._disconnect()
            self._closed.wait(_RETRY)
            return []

    def _connect(self) -> Connection:
        connection = self._database.unpooled.connect()
        try:
            if sessions.is_pooled(connection):
                raise DatabaseError(
                    "events do not pass through a pooler such as PgBouncer: name the server itself"
                    " in the URL"
                )
            connection.execute(text("LISTEN pgvoice"))
            connection.commit()
        except BaseException:
            connection.close()
            raise
        return connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            with suppress(DatabaseError):
                self._connection.invalidate()
                self._connection.close()
            self._connection = None

    def _received(self, connection: Connection) -> list[_Notice]:
        """What was sent, each once; waits for it for a moment."""
        driver = sessions.driver_connection(connection)
        sent = [_notice(each.payload) for each in driver.notifies(timeout=_LOOK, stop_after=1)]
        return list(dict.fromkeys(notice for notice in sent if notice is not None))

    def _resolved(self, notices: list[_Notice]) -> list[Event]:
        """What they are about, as far as this user may read it."""
        if not notices:
            return []
        with self._database.engine.connect() as connection:
            return [
                Event(*row)
                for event, number in notices
                for row in connection.execute(_HAPPENED, {"event": event, "id": number})
            ]


def _notice(payload: str) -> _Notice | None:
    """The event and its number; None for what is none, as anybody may send anything."""
    with suppress(ValueError, RecursionError):
        sent = json.loads(payload)
        if isinstance(sent, dict):
            event, number = sent.get("event"), sent.get("id")
            if event in _SENT and type(number) is int and 0 < number <= _LARGEST:
                return event, number
    return None
