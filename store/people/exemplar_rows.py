"""Exemplars' vectors on their way into the store: by COPY, which no server writes to its log.

Parameters of a statement are another matter: a server with ``log_statement`` or
``log_min_duration_statement`` writes them down.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, text

from pgvoice.store.database.failures import copying
from pgvoice.store.recordings.segment_rows import HEADER, TRAILER, Embedding

_CREATE = (
    "CREATE TEMPORARY TABLE enrolling ON COMMIT DROP AS"
    " SELECT 0 AS place, embedding FROM pgvoice.enrollment WITH NO DATA"
)
_COPY = "COPY pg_temp.enrolling (place, embedding) FROM STDIN (FORMAT binary)"


@contextmanager
def enrolling(connection: Connection, embeddings: Sequence[Embedding]) -> Iterator[None]:
    """Put vectors into the temporary table ``enrolling``, with their places from 1 on.

    Raises `RowsRefused` for elements that are not finite.
    """
    connection.execute(text(_CREATE))
    with copying(connection) as driver, driver.cursor() as cursor, cursor.copy(_COPY) as copy:
        copy.write(HEADER)
        for place, embedding in enumerate(embeddings, 1):
            copy.write(_row(place, embedding))
        copy.write(TRAILER)
    yield
    connection.execute(text("DROP TABLE pg_temp.enrolling"))


def _row(place: int, embedding: Embedding) -> bytes:
    """A row in Postgres' binary COPY format, see `segment_rows`."""
    vector = struct.pack(">hh", embedding.size, 0) + embedding.astype(">f4").tobytes()
    return struct.pack(">hiii", 2, 4, place, len(vector)) + vector
