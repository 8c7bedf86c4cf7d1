"""Installs the plugins of tests/plugins into a folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SOURCES = Path(__file__).resolve().parents[3] / "plugins"
#: The package with GE2E's weights.
WEIGHTS = "resemblyzer==0.1.4"


def install_plugins(target: Path, *names: str) -> None:
    """Install these plugins and their weights; skips the test without a package index."""
    # Without its dependencies: they need a compiler, and the plugin only reads the weights.
    fetched = _install(target, WEIGHTS, "--only-binary=:all:", "--retries=1", "--timeout=10")
    if fetched.returncode:
        pytest.skip(f"{WEIGHTS} is not available from the package index: {fetched.stderr[-200:]}")
    packages = [str(SOURCES / name) for name in names]
    done = _install(target, *packages, "--no-build-isolation", "--no-index")
    assert done.returncode == 0, done.stderr


def _install(target: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    options = ["--no-deps", "--quiet", "--disable-pip-version-check", "--target", str(target)]
    command = [sys.executable, "-m", "pip", "install", *options, *arguments]
    return subprocess.run(command, capture_output=True, text=True)
