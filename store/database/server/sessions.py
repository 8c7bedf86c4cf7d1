"""Who is connected to an embedded server."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import psycopg

from pgvoice.store.database.failures import first_line
from pgvoice.store.database.server.names import DATABASE, PORT

#: The name of connections whose process holds its share of the server (`locks.use`), so that they
#: need not be counted.
COUNTED = "pgvoice on the embedded server"
#: What a server answers, or libpq instead of it, before it is up, after a crash and while it stops.
_NOT_READY = (
    "the database system is",
    "refused",
    "No such file",
    "closed the connection",
    "timeout",
)


def url(folder: Path) -> str:
    """The URL of the folder's server, with its driver."""
    host = quote(str(folder / DATABASE), safe="/._:@~=-")
    return f"postgresql+psycopg://postgres@/postgres?host={host}&port={PORT}"


def refusal(folder: Path) -> str | None:
    """Why the server refuses a connection; None if it accepts them."""
    try:
        _connect(folder).close()
    except psycopg.OperationalError as error:
        answer = str(error)
        return first_line(error) if any(words in answer for words in _NOT_READY) else None
    return None


def others(folder: Path) -> int:
    """How many clients are connected whose process holds no share of the server."""
    try:
        with _connect(folder) as connection:
            row = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
                " AND pid <> pg_backend_pid() AND application_name <> %s",
                (COUNTED,),
            ).fetchone()
    except psycopg.OperationalError:
        return 1  # it has no connection left
    return int(row[0]) if row else 0


def _connect(folder: Path) -> psycopg.Connection[tuple[int, ...]]:
    return psycopg.connect(
        host=str(folder / DATABASE),
        port=PORT,
        user="postgres",
        dbname="postgres",
        connect_timeout=10,
        application_name=COUNTED,
    )
