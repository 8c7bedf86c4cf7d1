"""Commands of plugins, beside pgvoice's own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator

import click
import pytest
from click.testing import CliRunner, Result

from pgvoice.cli.answers.identify import identify
from pgvoice.cli.commands import REPORTING, Commands, LazyCommand, loaded
from pgvoice.cli.main import COMMANDS
from pgvoice.hooks import hookimpl
from pgvoice.hooks.encoders.registry import registered_encoders
from pgvoice.hooks.plugins import installed
from pgvoice.hooks.plugins.specs import RegisterCommand

Call = Callable[..., Result]


class Toy:
    """Brings a command."""

    def __init__(self, name: str = "toy") -> None:
        self.name = name

    @hookimpl
    def register_commands(self, register: RegisterCommand) -> None:
        say = click.Command(self.name, callback=lambda: click.echo("hello"), help="Say hello.")
        register(say)


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> Iterator[Commands]:
    """A root of one command, in a process that has a plugin; which one the test says."""
    monkeypatch.setattr("pgvoice.cli.commands._any_plugin_installed", lambda: True)
    installed.manager.cache_clear()
    yield Commands("pgvoice", commands={"identify": identify})
    installed.manager.cache_clear()


def test_a_plugins_command_is_one_of_pgvoices(root: Commands) -> None:
    installed.manager().register(Toy(), "toys")
    listed = CliRunner().invoke(root, ["--help"]).stdout
    assert listed.partition("Commands:\n")[2].split()[:1] == ["identify"]
    assert "toy       Say hello." in listed
    assert CliRunner().invoke(root, ["toy"]).stdout == "hello\n"


def test_a_built_in_command_asks_no_plugin(root: Commands) -> None:
    assert CliRunner().invoke(root, ["identify", "--help"]).exit_code == 0
    assert installed.manager.cache_info().currsize == 0


def test_a_name_that_is_taken_is_refused(root: Commands) -> None:
    installed.manager().register(Toy("identify"), "taker")
    listed = CliRunner().invoke(root, ["--help"])
    assert listed.exit_code == 0
    assert "identify  Show who speaks" in listed.stdout
    expected = "the plugin taker registers a command named 'identify', which builtin-commands"
    assert listed.stderr.startswith(f"Warning: {expected} has already registered: uninstall it, or")
    unknown = CliRunner().invoke(root, ["toy"])
    assert (unknown.exit_code, unknown.stdout) == (1, "")
    assert unknown.stderr.startswith(f"Error: {expected}")


def test_an_unknown_command(root: Commands) -> None:
    result = CliRunner().invoke(root, ["toy"])
    assert result.exit_code == 2
    assert "No such command 'toy'" in result.stderr


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: str(entry.name))
def test_the_table_is_right(entry: LazyCommand) -> None:
    command = loaded(entry)
    assert (command is not entry, command.name) == (True, entry.name)
    assert entry.short_help == command.get_short_help_str(limit=1000)


def test_without_plugins_none_are_looked_for() -> None:
    code = (
        "import sys; from pgvoice.cli.main import cli\n"
        "cli(['--help'], standalone_mode=False)\n"
        "print('pluggy' in sys.modules, 'pgvoice.hooks' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "False False\n"


@pytest.mark.parametrize("arguments", [["identify", "v"], ["toy"]])
def test_a_plugin_that_is_named_must_be_installed(
    arguments: list[str], root: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGVOICE_PLUGINS", "nope")
    refused = CliRunner().invoke(root, arguments)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr == (
        "Error: PGVOICE_PLUGINS names the plugin 'nope', which is not installed (installed: none)\n"
    )
    assert CliRunner().invoke(root, ["identify", "--help"]).exit_code == 0


def test_the_commands_that_report_a_missing_plugin_themselves(
    pgvoice: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGVOICE_PLUGINS", "nope")
    request = '{"version": 1, "video": "v", "segments": [{"start": 0, "end": 1}]}'
    for cached in (installed.manager, registered_encoders):
        cached.cache_clear()
    for name in REPORTING:
        arguments = {"plugin": ["list"], "doctor": ["--no-torch"]}.get(name, [])
        result = pgvoice(name, *arguments, stdin=request)
        assert result.exit_code == 1
        assert "names the plugin 'nope'" in result.output
