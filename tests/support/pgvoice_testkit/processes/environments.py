"""New virtual environments, with packages from the index, for tests that are marked slow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

ROOT = Path(__file__).resolve().parents[4]
#: Tests of what imports torch.
TESTS = ("tests/hooks/encoders", "tests/hooks/test_rehearsal.py", "tests/cli/checks")
#: What a program needs to read the checkout's packages is not passed on.
_DROPPED = ("PYTHONPATH", "VIRTUAL_ENV")


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment."""

    bin: Path

    def run(
        self, *command: str, settings: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run one of its programs in the checkout."""
        kept = {name: value for name, value in os.environ.items() if name not in _DROPPED}
        path = f"{self.bin}{os.pathsep}{kept.get('PATH', '')}"
        return subprocess.run(
            [str(self.bin / command[0]), *command[1:]],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env=kept | {"PATH": path} | dict(settings or {}),
        )

    def answer(self, *command: str, settings: Mapping[str, str] | None = None) -> str:
        """The standard output of a program that succeeds."""
        done = self.run(*command, settings=settings)
        assert done.returncode == 0, f"{command}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return done.stdout

    def pip_install(self, *requirements: str) -> None:
        """One line of pip, which also has to leave nothing broken."""
        self.answer("pip", "install", "--quiet", *requirements)
        self.answer("pip", "check")

    def versions(self) -> dict[str, str]:
        """The versions of all packages by name."""
        listed = json.loads(self.answer("pip", "list", "--format=json"))
        return {each["name"].lower(): each["version"] for each in listed}


@contextmanager
def new_environment() -> Iterator[Environment]:
    """An empty environment, which is removed at the end; with torch it takes 7 GB."""
    with TemporaryDirectory(prefix="pgvoice-environment-") as folder:
        # The server that root starts runs as another user, who must read its programs.
        Path(folder).chmod(0o755)
        subprocess.run([sys.executable, "-m", "venv", f"{folder}/venv"], check=True)
        yield Environment(Path(folder, "venv", "bin"))


def check_encoders(environment: Environment) -> None:
    """Their tests pass there, and their vectors are those of the environment that runs this."""
    environment.answer("python", "-m", "pytest", "-q", "-n0", *TESTS)
    script = ROOT / "tests" / "environments" / "check_vectors.py"
    theirs = json.loads(environment.answer("python", str(script)))
    here = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    for encoder, rows in json.loads(here.stdout).items():
        np.testing.assert_allclose(theirs[encoder], rows, atol=1e-5)


def newest(package: str) -> str:
    """The newest release of a package in the index."""
    command = [sys.executable, "-m", "pip", "index", "versions", package]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return found.partition("(")[2].partition(")")[0]
