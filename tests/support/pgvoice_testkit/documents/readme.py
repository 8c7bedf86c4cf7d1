"""Runs the README's console sessions; as a program it rewrites their output in the README."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from pgvoice_testkit.servers.databases import temporary_folder

README = Path(__file__).resolve().parents[4] / "README.md"
_BLOCK = re.compile(r"(?<=^```console\n).*?(?=^```$)", re.MULTILINE | re.DOTALL)
_MARK = "--- next command ---"
#: Seconds, sizes and dates vary from run to run.
_VARYING = re.compile(r"\d+\.\d s\b|\d+(\.\d)? k?B\b|\d{4}-\d\d-\d\d")


def renewed(text: str) -> str:
    """The text with the current output of its commands."""
    blocks = [_commands(block) for block in _BLOCK.findall(text)]
    outputs = iter(_run([command for block in blocks for command in block]))
    sessions = iter(
        ["".join(f"$ {command}\n{next(outputs)}" for command in block) for block in blocks]
    )
    return _BLOCK.sub(lambda _: next(sessions), text)


def comparable(text: str) -> str:
    """The text without what varies from run to run."""
    return _VARYING.sub("#", text)


def _commands(block: str) -> list[str]:
    return [line[2:] for line in block.splitlines() if line.startswith("$ ")]


def _run(commands: list[str]) -> list[str]:
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
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            },
        )
    return done.stdout.split(f"{_MARK}\n")


if __name__ == "__main__":
    README.write_text(renewed(README.read_text()))
