"""What the README shows is what happens."""

from __future__ import annotations

import ast
import re

import pytest
from click import Command, Group
from readme import README, comparable, renewed

from pgvoice.cli.main import cli
from pgvoice.store import VoiceStore

TEXT = README.read_text()


def test_the_console_sessions_print_what_they_show() -> None:
    assert comparable(renewed(TEXT)) == comparable(TEXT)


def test_the_python_examples_use_what_there_is() -> None:
    examples = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert examples
    for node in ast.walk(ast.parse("\n".join(examples))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            assert node.value.id != "store" or hasattr(VoiceStore, node.attr)
        if isinstance(node, ast.ImportFrom):
            module = __import__(str(node.module), fromlist=["_"])
            assert all(hasattr(module, alias.name) for alias in node.names)


def test_every_setting_is_told() -> None:
    used = set()
    for folder in ("store", "hooks", "cli"):
        for path in (README.parent / folder).rglob("*.py"):
            used |= set(re.findall(r"\"(PGVOICE_[A-Z_]+)\"", path.read_text()))
    assert used == set(re.findall(r"^\| `(PGVOICE_[A-Z_]+)` \|", TEXT, re.MULTILINE))


def _commands(command: Command, *names: str) -> list[tuple[str, Command]]:
    if isinstance(command, Group):
        return [
            found
            for name, child in command.commands.items()
            for found in _commands(child, *names, name)
        ]
    return [(" ".join(names), command)]


@pytest.mark.parametrize(("name", "command"), _commands(cli))
def test_every_command_says_what_it_does_with_an_example(name: str, command: Command) -> None:
    assert command.help
    assert "pgvoice " + name in (command.epilog or "")
