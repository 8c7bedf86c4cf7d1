"""What the README shows is what happens."""

from __future__ import annotations

import ast
import re

import pytest
from click import Command, Group
from pgvoice_testkit.documents.readme import README, comparable, renewed

from pgvoice.cli.commands import loaded
from pgvoice.cli.main import cli
from pgvoice.store.answers.answers import Answers
from pgvoice.store.answers.segment_index import SegmentIndex
from pgvoice.store.labels.labels import Labels
from pgvoice.store.people.people import People
from pgvoice.store.privacy.privacy import Privacy
from pgvoice.store.recordings.recordings import Recordings
from pgvoice.store.thresholds.thresholds import Thresholds
from pgvoice.store.upkeep.backfills import Backfills
from pgvoice.store.upkeep.upkeep import Upkeep

TEXT = README.read_text()
#: By attribute of a store the class of the facet.
FACETS = {
    "answers": Answers,
    "backfills": Backfills,
    "index": SegmentIndex,
    "labels": Labels,
    "people": People,
    "privacy": Privacy,
    "recordings": Recordings,
    "thresholds": Thresholds,
    "upkeep": Upkeep,
}


def test_the_console_sessions_print_what_they_show() -> None:
    assert comparable(renewed(TEXT)) == comparable(TEXT)


def test_the_python_examples_use_what_there_is() -> None:
    examples = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert examples
    for node in ast.walk(ast.parse("\n".join(examples))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            assert node.value.id != "store" or node.attr in FACETS
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute):
            facet = FACETS.get(node.value.attr)
            assert facet is None or hasattr(facet, node.attr)
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
    command = loaded(command)
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
