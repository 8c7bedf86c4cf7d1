"""A dry run of a release, with packages from the index."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pgvoice_testkit.processes.environments import ROOT

pytestmark = pytest.mark.slow


def test_a_dry_run_changes_nothing(tmp_path: Path) -> None:
    clone = tmp_path / "pgvoice"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    before = _state(clone)
    command = [sys.executable, str(clone / ".ci" / "release.py"), "99.0.0", "--dry-run"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("PASSED") == 2
    assert done.stdout.endswith("99.0.0 can be released\n")
    assert _state(clone) == before
    (clone / "README.md").write_text("changed")
    refused = subprocess.run(command, capture_output=True, text=True)
    assert refused.stderr == "not released: there are changes that are not committed\n"


def _state(clone: Path) -> str:
    command = ["git", "-C", str(clone), "log", "-1", "--format=%H %D"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
