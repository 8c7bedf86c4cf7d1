"""Names in a data folder, and what helps if a folder cannot be used."""

from __future__ import annotations

DATA_VARIABLE = "PGVOICE_DATA"
#: For how many seconds a server stays up after its last use.
LINGER_VARIABLE = "PGVOICE_LINGER"
OWN_SERVER = "set PGVOICE_DATABASE_URL to use your own server"
#: The server's own folder in the data folder.
DATABASE = "postgres"
#: The server's port is only part of the name of its socket.
PORT = 5432
SOCKET = f".s.PGSQL.{PORT}"
