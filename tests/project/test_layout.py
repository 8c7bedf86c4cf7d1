"""The folders at the root are one package; its public names are what they say they are."""

from __future__ import annotations

import ast
import importlib
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from pgvoice_testkit.sources.import_graph import cycles, imports

ROOT = Path(__file__).parents[2]
#: Where code lives; in none of their folders more than 15 files.
FILLED = ("store", "hooks", "cli", "tests/store", "tests/hooks", "tests/cli")
#: Packages that hand out names of their modules: what others import, and two that were one file.
PUBLIC = ("store", "hooks", "store/errors", "store/models")
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


def test_no_module_imports_itself_on_the_way() -> None:
    """Whether at the top, inside a function or for types; a package is imported with its parts."""
    assert cycles(imports(ROOT, ("store", "hooks", "cli"))) == []


def test_a_cycle_is_found_through_a_package(tmp_path: Path) -> None:
    """As in: calls imports formats.format, so formats, which imports registry, which calls."""
    for name, source in {
        "calls.py": "def f():\n    from pgvoice.hooks.formats.format import Format\n",
        "formats/__init__.py": "from pgvoice.hooks.formats.registry import find\n",
        "formats/format.py": "",
        "formats/registry.py": "from pgvoice.hooks import calls\n",
    }.items():
        path = tmp_path / "hooks" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    (found,) = cycles(imports(tmp_path, ("hooks",)))
    assert found == [
        "pgvoice.hooks.calls",
        "pgvoice.hooks.formats",
        "pgvoice.hooks.formats.registry",
    ]


@pytest.mark.parametrize("folder", FILLED)
def test_no_folder_has_to_be_searched(folder: str) -> None:
    sizes = Counter(path.parent for path in (ROOT / folder).rglob("*.py"))
    assert {str(path): size for path, size in sizes.items() if size > 15} == {}


def test_no_package_but_the_public_ones_imports_its_modules() -> None:
    public = {ROOT / part / "__init__.py" for part in PUBLIC}
    for folder in ("store", "hooks", "cli"):
        for path in set((ROOT / folder).rglob("__init__.py")) - public:
            (docstring,) = ast.parse(path.read_text()).body
            assert isinstance(docstring, ast.Expr), path
