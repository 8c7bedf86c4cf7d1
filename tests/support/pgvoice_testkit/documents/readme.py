"""Parses the READMEs, and runs their console sessions.

As a program (``python tests/support/pgvoice_testkit/documents/readme.py``) it rewrites the output
of the sessions in every README, or in those named as arguments.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from pgvoice_testkit.processes.preloaded import preloaded_program
from pgvoice_testkit.servers.databases import temporary_folder

ROOT = Path(__file__).resolve().parents[4]
README = ROOT / "README.md"
#: Every README, the root's first.
READMES = (
    README,
    *(ROOT / folder / "README.md" for folder in ("alembic", "cli", "hooks", "store", "tests")),
)
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SESSION = re.compile(r"(?<=^```console\n).*?(?=^```$)", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"^\$ (.*(?:\n> .*)*)", re.MULTILINE)
_HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_MARK = "--- next command ---"
#: Seconds, sizes and dates vary from run to run.
_VARYING = re.compile(r"\d+\.\d s\b|\d+(\.\d)? k?B\b|\d{4}-\d\d-\d\d")


def renewed(text: str, programs: Path) -> str:
    """The text with the current output of its commands, run in one shell with an empty store.

    `programs` is a folder with the ``pgvoice`` to call.
    """
    sessions = [_commands(session) for session in _SESSION.findall(text)]
    if not sessions:
        return text
    outputs = iter(_run([command for session in sessions for command in session], programs))
    printed = iter(
        "".join(f"{_prompted(command)}\n{next(outputs)}" for command in session)
        for session in sessions
    )
    return _SESSION.sub(lambda _: next(printed), text)


def comparable(text: str) -> str:
    """The text without what varies from run to run."""
    return _VARYING.sub("#", text)


def blocks(text: str, language: str) -> list[str]:
    """The code blocks in a language."""
    return [code for found, code in _BLOCK.findall(text) if found == language]


def headings(text: str, level: int) -> list[str]:
    """The headings of a level, from 1."""
    found = _HEADING.findall(_BLOCK.sub("", text))
    return [title for marks, title in found if len(marks) == level]


def anchors(text: str) -> set[str]:
    """The anchors that the headings have on GitHub."""
    return {anchor(title) for level in range(1, 7) for title in headings(text, level)}


def anchor(title: str) -> str:
    """What a link to a heading ends in: lower case, hyphens for spaces, no punctuation."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def links(text: str) -> list[str]:
    """The targets of links and images, except web addresses."""
    targets = _LINK.findall(_BLOCK.sub("", text))
    return [target for target in targets if "://" not in target]


def _commands(session: str) -> list[str]:
    """Each command, whose further lines begin with ``> ``."""
    return [found.replace("\n> ", "\n") for found in _COMMAND.findall(session)]


def _prompted(command: str) -> str:
    return "$ " + command.replace("\n", "\n> ")


def _run(commands: list[str], programs: Path) -> list[str]:
    """The output of each command; they run in one shell, with an empty store."""
    script = f"\necho '{_MARK}'\n".join(commands)
    with temporary_folder() as folder:
        done = subprocess.run(
            ["/bin/bash", "-c", script],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            cwd=folder,
            env=os.environ
            | {
                "PGVOICE_DATA": str(folder),
                "PGVOICE_LINGER": "60",
                "PATH": f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            },
        )
    return done.stdout.split(f"{_MARK}\n")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made, preloaded_program(Path(made)) as program:
        for readme in map(Path, sys.argv[1:]) if sys.argv[1:] else READMES:
            readme.write_text(renewed(readme.read_text(), program))
