"""Fills: one at a time per video, each with a record of what it did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from sqlalchemy import Connection

from pgvoice.store.database import locks
from pgvoice.store.database.sessions import is_alive, keep_open
from pgvoice.store.errors import ConnectionLost, DatabaseError
from pgvoice.store.names import checked


@dataclass(frozen=True, slots=True)
class FillRun:
    """What a fill did."""

    #: Distinct segments asked for.
    requested: int
    #: How many of them were stored before, as a vector or as a status.
    hits: int
    #: Vectors computed.
    filled: int = 0
    #: Segments stored without a vector, by status.
    skipped: Mapping[str, int] = field(default_factory=dict)
    decode_seconds: float = 0.0
    encode_seconds: float = 0.0
    #: Where the model ran; None if it did not.
    device: str | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """The lock on the fills of a video, held by a connection of its own."""

    _connection: Connection

    def check(self) -> None:
        """Raises `ConnectionLost` if the server ended the connection, and thus the lock."""
        driver_connection = self._connection.connection.driver_connection
        if driver_connection is None or not is_alive(driver_connection):
            raise ConnectionLost("the connection that held the lock on the fill is gone")


@contextmanager
def holding(connection: Connection, video: str) -> Iterator[Hold]:
    """Lock the fills of a video; closes the connection at the end.

    Waits for another fill of the video as long as that takes, as it may compute what is missing; a
    lock_timeout of the user limits that. Raises `LockHeld`, and `ValueError` if `video` cannot be a
    video's key.
    """
    try:
        keep_open(connection)
        with locks.patient(connection, f"the fill of {video!r}", None):
            locks.hold_fill(connection, checked(video, "a video's key"))
        yield Hold(connection)
    finally:
        with suppress(DatabaseError):
            connection.rollback()
        connection.close()
