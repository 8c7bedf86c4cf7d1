"""The root: help that imports nothing, a help for every command, exit codes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version

import click
import pytest
from click.testing import Result
from pgvoice_testkit.commands import leaf, leaves

from pgvoice.cli.commands import loaded
from pgvoice.cli.main import cli

#: What no help imports, and what the root's help does not import either.
HEAVY = {"alembic", "av", "librosa", "matplotlib", "ray", "soundfile", "speechbrain", "torch"}
STORE = {"numpy", "pluggy", "psycopg", "rich", "sqlalchemy"}


def _commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        yield (*path, name)
        command = loaded(command)
        if isinstance(command, click.Group):
            yield from _commands(command, (*path, name))


ALL = list(_commands(cli))
LEAVES = list(leaves())


@pytest.mark.parametrize("path", [(), ("fill",), ("enroll", "add"), ("ingest",), ("db",)])
def test_help_imports_nothing_heavy(path: tuple[str, ...]) -> None:
    code = (
        "import sys; from pgvoice.cli.main import cli\n"
        f"cli({[*path, '--help']!r}, standalone_mode=False)\n"
        f"print(sorted({HEAVY | (set() if path else STORE)!r} & set(sys.modules)), file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stderr.strip() == "[]"


def test_the_installed_command_answers() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "pgvoice.cli", "--version"], capture_output=True, text=True
    )
    assert ran.stdout == f"pgvoice, version {version('pgvoice')}\n"


@pytest.mark.parametrize("path", [(), *ALL], ids=" ".join)
def test_every_help_fits_80_columns(run: Callable[..., Result], path: tuple[str, ...]) -> None:
    result = run(*path, "--help")
    assert result.exit_code == 0
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert "..." not in result.stdout.partition("Commands:")[2]


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_command_has_an_example(path: tuple[str, ...]) -> None:
    command = leaf(path)
    assert f"pgvoice {' '.join(path)}" in (command.epilog or "") or path == ("db", "url")
    assert command.help


def test_commands_stand_in_the_order_of_use(run: Callable[..., Result]) -> None:
    listed = run("--help").stdout.partition("Commands:\n")[2].split("\n\n")[0]
    assert [line.split()[0] for line in listed.splitlines()][:3] == ["ingest", "fill", "enroll"]


def test_wrong_usage_is_2(run: Callable[..., Result]) -> None:
    assert run("identify").exit_code == 2
    assert run("nonsense").exit_code == 2
    assert run("identify", "talk", "--threshold", "1.5").exit_code == 2
