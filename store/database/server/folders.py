"""The folder of an embedded server: which one is refused, and how a new one is made."""

from __future__ import annotations

import os
import pwd
import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from pgvoice.store.database.server import server_user
from pgvoice.store.database.server.names import DATA_VARIABLE, DATABASE, OWN_SERVER, SOCKET
from pgvoice.store.errors import EmbeddedServerError

#: The most bytes of a Unix socket's path: ``sun_path`` in unix(7) and in macOS' sys/un.h, without
#: the null.
SOCKET_PATH_BYTES = 103 if sys.platform == "darwin" else 107
#: What means nothing special in a shell, in Postgres' settings and in a URL.
_SPECIAL = re.compile(r"[^\w./:@~=-]")
_GROUP_OR_OTHERS_WRITE = 0o022


def check(folder: Path) -> None:
    """Raise `EmbeddedServerError` for a data folder that cannot be used or protected.

    Looks at the path first, and creates nothing.
    """
    _check_path(folder)
    if os.path.lexists(folder):
        _check_owner(folder, os.geteuid())
        _check_writers(folder)
        if os.path.lexists(folder / DATABASE):
            _check_owner(folder / DATABASE, server_user.uid())
    _check_entry(folder)


def follow_links(folder: Path) -> Path:
    """The folder that a path leads to; fails with `EmbeddedServerError` if a stranger leads it."""
    for part in (folder, *folder.parents):
        if part.is_symlink() and part.lstat().st_uid not in (0, os.geteuid()):
            _refuse(f"{folder}, as {part} is another user's link: set {DATA_VARIABLE} to a folder")
    return folder.resolve()


def make(folder: Path) -> None:
    """Create the data folder and those above it; only the server's user may enter a new one."""
    if not folder.exists():
        make(folder.parent)
        with suppress(FileExistsError):  # whoever made it meanwhile, `check` looks at them
            folder.mkdir(mode=0o700)
            server_user.let_in(folder)


def make_database_folder(folder: Path) -> None:
    """Create the server's own folder in a data folder."""
    made = folder / DATABASE
    if not made.exists():
        made.mkdir(mode=0o700)
        server_user.give(made)


def _check_path(folder: Path) -> None:
    if found := _SPECIAL.search(str(folder)):
        what = "a space" if found[0] == " " else repr(found[0])
        _refuse(f"{str(folder)!r}, a path with {what}: set {DATA_VARIABLE} to another folder")
    excess = len(os.fsencode(folder / DATABASE / SOCKET)) - SOCKET_PATH_BYTES
    if excess > 0:
        length = len(os.fsencode(folder))
        _refuse(
            f"{folder}: the path has {length} bytes, and its socket allows {length - excess}. Set"
            f" {DATA_VARIABLE} to a shorter one (you can move an existing folder there)"
        )


def _check_owner(folder: Path, uid: int) -> None:
    owner = folder.lstat().st_uid
    if owner != uid:
        raise PermissionError(f"it belongs to {_name(owner)}, and only that user can run it")


def _check_entry(folder: Path) -> None:
    """Fail rather than open root's folders to everybody."""
    there = [part for part in (*reversed(folder.parents), folder) if part.is_dir()]
    if not server_user.may_enter(there[-1]):
        closed = next(part for part in there if not server_user.may_enter(part))
        _refuse(
            f"{folder}, as its user {server_user.NAME} may not enter {closed}: run `chmod o+x"
            f" {closed}`, or set {DATA_VARIABLE} to another folder"
        )


def _name(uid: int) -> str:
    with suppress(KeyError):
        return pwd.getpwuid(uid).pw_name
    return f"user {uid}"


def _check_writers(folder: Path) -> None:
    if folder.stat().st_mode & _GROUP_OR_OTHERS_WRITE:
        _refuse(
            f"{folder}, which other users may write to: run `chmod go-w {folder}`, or set"
            f" {DATA_VARIABLE} to another folder"
        )


def _refuse(what: str) -> NoReturn:
    raise EmbeddedServerError(f"the embedded server cannot use {what}, or {OWN_SERVER}")
