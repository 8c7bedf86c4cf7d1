"""The operating-system user that the server runs as: this one, or root's ``pgserver``."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TypedDict

#: Postgres refuses to run as root.
NAME = "pgserver"
#: The settings that the server takes over; any other one may be a secret.
_INHERITED = ("LANG", "LANGUAGE", "LD_LIBRARY_PATH", "PATH", "TZ")
_INHERITED_PREFIXES = ("LC_", "NIX_LD")


class Identity(TypedDict, total=False):
    """Arguments of `subprocess.run` for a process of the server."""

    user: int
    group: int
    extra_groups: list[int]
    umask: int
    cwd: str
    env: dict[str, str]


def identity() -> Identity:
    """A process of the server has the rights of its user only, and none of our secrets."""
    common = Identity(umask=0o077, cwd="/", env=environment())
    if os.geteuid() != 0:
        return common
    account = _account()
    return common | Identity(user=account.pw_uid, group=account.pw_gid, extra_groups=[])


def run(command: Sequence[str | Path], given: str = "") -> str:
    """Run a command as the server's user, and return what it prints.

    Raises `OSError` with the first line of its complaint.
    """
    done = subprocess.run(  # noqa: S603
        command, input=given, capture_output=True, text=True, check=False, **identity()
    )
    if done.returncode:
        complaint = done.stderr.strip().splitlines() or [f"status {done.returncode}"]
        raise OSError(f"{Path(command[0]).name} failed: {complaint[0]}")
    return done.stdout


def uid() -> int:
    """The server's user."""
    return _account().pw_uid if os.geteuid() == 0 else os.geteuid()


def may_enter(folder: Path) -> bool:
    """Whether the server's user may pass through a folder and those above it."""
    if os.geteuid() != 0:
        return True
    command = ["test", "-x", str(folder)]
    return subprocess.run(command, check=False, **identity()).returncode == 0  # noqa: S603


def let_in(folder: Path) -> None:
    """Let the server's user pass through one of our folders, and nobody else."""
    if os.geteuid() == 0:
        os.chown(folder, 0, _account().pw_gid)
        folder.chmod(0o710)


def give(folder: Path) -> None:
    """Give one of our folders to the server's user."""
    if os.geteuid() == 0:
        os.chown(folder, _account().pw_uid, _account().pw_gid)


@cache
def _account() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(NAME)
    except KeyError:
        command = ["useradd", "--system", NAME]
        subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
        return pwd.getpwnam(NAME)


def environment() -> dict[str, str]:
    """The settings that processes of the server inherit."""
    return {
        name: value
        for name, value in os.environ.items()
        if name in _INHERITED or name.startswith(_INHERITED_PREFIXES)
    }
