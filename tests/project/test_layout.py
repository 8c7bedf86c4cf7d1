"""The folders at the root are one package; its public names are what they say they are."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = {"store": "store", "hooks": "hooks", "cli": "cli", "migrations": "alembic"}


@pytest.mark.parametrize(("package", "folder"), FOLDERS.items())
def test_the_links_lead_to_the_folders(package: str, folder: str) -> None:
    link = ROOT / ".src" / "pgvoice" / package
    assert link.is_symlink()
    assert link.resolve() == ROOT / folder


def test_no_init_where_it_would_hide_something() -> None:
    assert not (ROOT / "alembic" / "__init__.py").exists()
    assert not (ROOT / ".src" / "pgvoice" / "__init__.py").exists()


def test_nothing_else_at_the_root() -> None:
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split()
    if not tracked:
        pytest.skip("not a checkout")
    top = {path.split("/")[0] for path in tracked}
    folders = {"alembic", "store", "hooks", "cli", "tests"}
    files = {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"}
    assert {name for name in top if not name.startswith(".")} <= folders | files


@pytest.mark.parametrize("name", ["pgvoice.store", "pgvoice.hooks"])
def test_the_public_names_are_sorted_and_there(name: str) -> None:
    module = importlib.import_module(name)
    assert list(module.__all__) == sorted(module.__all__)
    for public in module.__all__:
        assert hasattr(module, public)


@pytest.mark.parametrize(
    ("name", "unwanted"),
    [
        ("pgvoice.store", "torch torchaudio speechbrain librosa soundfile av alembic click rich"),
        ("pgvoice.hooks", "torch torchaudio speechbrain librosa soundfile av alembic click rich"),
        ("pgvoice.cli.main", "torch sqlalchemy numpy alembic librosa soundfile av psycopg"),
    ],
)
def test_importing_is_light(name: str, unwanted: str) -> None:
    script = f"import sys, {name}; print(sorted(set({unwanted.split()!r}) & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PGVOICE_PLUGINS": ""},
    )
    assert done.stdout == "[]\n"
