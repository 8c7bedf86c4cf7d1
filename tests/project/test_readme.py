"""The READMEs show what happens, and lead where they say."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from click import Command, Context, Group
from pgvoice_testkit.documents.readme import (
    README,
    READMES,
    ROOT,
    anchor,
    anchors,
    blocks,
    comparable,
    headings,
    links,
    renewed,
)
from pgvoice_testkit.processes.preloaded import preloaded_program

from pgvoice.cli.ingest.group import DefaultGroup
from pgvoice.cli.main import cli
from pgvoice.store.answers.answers import Answers
from pgvoice.store.answers.segment_index import SegmentIndex
from pgvoice.store.encoders.encoders import Encoders
from pgvoice.store.labels.labels import Labels
from pgvoice.store.people.people import People
from pgvoice.store.privacy.privacy import Privacy
from pgvoice.store.recordings.recordings import Recordings
from pgvoice.store.thresholds.thresholds import Thresholds
from pgvoice.store.upkeep.events import Events
from pgvoice.store.upkeep.ingests import Ingests
from pgvoice.store.upkeep.upkeep import Upkeep
from pgvoice.store.voices.acts import Acts
from pgvoice.store.voices.voices import Voices

#: By attribute of a store the class of the facet.
FACETS: dict[str, type] = {
    "acts": Acts,
    "answers": Answers,
    "encoders": Encoders,
    "ingests": Ingests,
    "events": Events,
    "index": SegmentIndex,
    "labels": Labels,
    "people": People,
    "privacy": Privacy,
    "recordings": Recordings,
    "thresholds": Thresholds,
    "upkeep": Upkeep,
    "voices": Voices,
}
#: Public, beside the names of the packages themselves.
SUBMODULES = {"testing"}
DOCUMENTS = (*READMES, ROOT / "CHANGELOG.md", ROOT / ".github" / "CONTRIBUTING.md")
MOST_LINES = 250
TO_START = (
    "python3 -m venv .venv && . .venv/bin/activate && pip install -e '.[demo]' && pgvoice demo",
    "pip install -e '.[test]' && pytest",
)


def _folder(readme: Path) -> str:
    return readme.parent.name if readme.parent != ROOT else readme.stem


def _commands(command: Command | None, *names: str) -> list[tuple[str, Command]]:
    """The built-in commands below a group, each as it is when it is called."""
    assert command is not None
    if not isinstance(command, Group):
        return [(" ".join(names), command)]
    context = Context(command)
    itself = [(" ".join(names), command.default)] if isinstance(command, DefaultGroup) else []
    return itself + [
        found
        for name in command.commands
        for found in _commands(command.resolve_command(context, [name])[1], *names, name)
    ]


WITH_SESSIONS = [readme for readme in READMES if blocks(readme.read_text(), "console")]
WITH_PYTHON = [readme for readme in READMES if blocks(readme.read_text(), "python")]


def test_all_of_them() -> None:
    found = {path for path in ROOT.glob("*/README.md") if not path.parent.name.startswith(".")}
    assert found | {README} == set(READMES)
    assert README in WITH_SESSIONS
    assert README in WITH_PYTHON


@pytest.fixture(scope="module")
def programs() -> Iterator[Path]:
    """A folder with a ``pgvoice`` that imports nothing; as a socket's, its path is short."""
    with TemporaryDirectory() as made, preloaded_program(Path(made)) as folder:
        yield folder


@pytest.mark.parametrize("readme", WITH_SESSIONS, ids=_folder)
def test_the_console_sessions_print_what_they_show(readme: Path, programs: Path) -> None:
    text = readme.read_text()
    assert comparable(renewed(text, programs)) == comparable(text)


@pytest.mark.parametrize("readme", WITH_PYTHON, ids=_folder)
def test_the_python_examples_use_what_there_is(readme: Path) -> None:
    for node in ast.walk(ast.parse("\n".join(blocks(readme.read_text(), "python")))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            assert node.value.id != "store" or node.attr in {*FACETS, "on_behalf_of"}
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute):
            facet = FACETS.get(node.value.attr)
            assert facet is None or hasattr(facet, node.attr)
        if isinstance(node, ast.ImportFrom):
            module = importlib.import_module(str(node.module))
            assert [each.name for each in node.names if not hasattr(module, each.name)] == []


@pytest.mark.parametrize("readme", READMES, ids=_folder)
def test_public_names_in_the_prose_are_there(readme: Path) -> None:
    for package, name in re.findall(r"`(pgvoice\.(?:hooks|store))\.(\w+)`", readme.read_text()):
        module = importlib.import_module(package)
        assert name in module.__all__ or name in SUBMODULES, f"{package}.{name}"


@pytest.mark.parametrize("readme", DOCUMENTS, ids=_folder)
def test_links_resolve(readme: Path) -> None:
    for link in links(readme.read_text()):
        path, _, fragment = link.partition("#")
        target = (readme.parent / path).resolve() if path else readme
        assert target.exists(), link
        assert not fragment or fragment in anchors(target.read_text()), link


@pytest.mark.parametrize("readme", READMES[1:], ids=_folder)
def test_the_table_of_contents_lists_the_headings(readme: Path) -> None:
    text = readme.read_text()
    listed = re.findall(r"^- \[(.+)\]\(#(.+)\)$", text.split("\n## ")[0], re.MULTILINE)
    assert listed == [(title, anchor(title)) for title in headings(text, 2)]


@pytest.mark.parametrize("readme", READMES, ids=_folder)
def test_anchors_are_unique(readme: Path) -> None:
    titles = [title for level in range(1, 7) for title in headings(readme.read_text(), level)]
    assert len(titles) == len(anchors(readme.read_text()))


def test_the_root_is_short() -> None:
    assert len(README.read_text().splitlines()) <= MOST_LINES


@pytest.mark.parametrize("command", TO_START)
def test_the_commands_to_start_with(command: str) -> None:
    assert f"{command}\n" in blocks(README.read_text(), "sh")


def test_every_setting_is_documented() -> None:
    used = set()
    for folder in ("store", "hooks", "cli"):
        for path in (ROOT / folder).rglob("*.py"):
            used |= set(re.findall(r"\"(PGVOICE_[A-Z_]+)\"", path.read_text()))
    assert used == set(re.findall(r"^\| `(PGVOICE_[A-Z_]+)` \|", README.read_text(), re.MULTILINE))


def test_every_method_of_a_store_is_listed() -> None:
    rows = re.findall(
        r"^\| `store\.(\w+)` \| .+ \| (.+) \|$",
        (ROOT / "store/README.md").read_text(),
        re.MULTILINE,
    )
    listed = {facet: set(re.findall(r"`(\w+)`", methods)) for facet, methods in rows}
    assert listed == {
        facet: {name for name in vars(found) if not name.startswith("_")}
        for facet, found in FACETS.items()
    }


def test_every_command_is_listed() -> None:
    listed = re.findall(
        r"^\| `pgvoice ([^`]+)` \|", (ROOT / "cli/README.md").read_text(), re.MULTILINE
    )
    assert sorted(listed) == sorted(name for name, _ in _commands(cli))


@pytest.mark.parametrize(("name", "command"), _commands(cli))
def test_every_command_says_what_it_does_with_an_example(name: str, command: Command) -> None:
    assert command.help
    assert "pgvoice " + name in (command.epilog or "")
