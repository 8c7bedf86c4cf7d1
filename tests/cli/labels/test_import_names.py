"""``pgvoice labels import``."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from pgvoice.hooks.formats.reading import registered_formats

Call = Callable[..., Result]

pytestmark = pytest.mark.usefixtures("encoder")
BY_LINE = ("rttm", "vtt", "srt", "json", "whisperx", "ass", "audacity", "stm")
#: With a tier for each name.
BY_TIER = ("textgrid", "elan")


@pytest.fixture
def exported(filled: Call, tmp_path: Path) -> Callable[[str], Path]:
    """Labels `talk`, and writes a file of a format with the names, which somebody can edit."""
    assert filled("enroll", "rename", "Bob", "Bob Ray").exit_code == 0
    assert filled("label", "--all").exit_code == 0

    def write(name: str) -> Path:
        path = tmp_path / f"{name}{registered_formats()[name].suffixes[0]}"
        found = filled("labels", "export", "talk", "--format", name, "--output", path)
        assert found.exit_code == 0, found.output
        return path

    return write


def test_documents_of_every_format(filled: Call, exported: Callable[[str], Path]) -> None:
    """One name is edited, or in formats with tiers that of a tier."""
    for name in (*BY_LINE, *BY_TIER):
        path = exported(name)
        command = ("labels", "import", "talk", path, "--format", name, "--dry-run")
        assert filled(*command).stdout == "no name differs from the labels of talk\n"
        new = "Bob_Ray" if name in ("rttm", "stm") else "Bob Ray"
        first, *others = path.read_text().split("Ada")
        kept = 0 if name in BY_TIER else 1
        path.write_text("Ada".join([first, *others[:kept]]) + new + new.join(others[kept:]))
        shown = filled(*command).stdout.splitlines()
        assert shown[-3].split() == ["0:00:08.0", "0:00:10.0", "S0", "Ada", "Bob", "Ray"]
        assert shown[-1] == f"{'1 turn' if kept else '2 turns'} would be pinned"


@pytest.mark.parametrize("name", ["vtt", "srt"])
def test_an_edited_name_is_the_only_pin(
    filled: Call, exported: Callable[[str], Path], name: str
) -> None:
    path = exported(name)
    first, second, third = path.read_text().split("Ada")
    path.write_text(f"{first}Ada{second}Bob Ray{third}")
    before = json.loads(filled("labels", "show", "talk", "--json").stdout)["labels"]
    pinned = filled("labels", "import", "talk", path, "--yes").stdout.splitlines()
    assert pinned[1].split() == ["0:00:08.0", "0:00:10.0", "S0", "Ada", "Bob", "Ray"]
    act = re.fullmatch(r"1 turn pinned \(act (\d+): `pgvoice undo \1`\)", pinned[-1])
    assert act
    labels = json.loads(filled("labels", "show", "talk", "--json").stdout)["labels"]
    assert [(each["start"], each["speaker"]) for each in labels if each["pinned"]] == [
        (8.0, "Bob Ray")
    ]
    assert filled("undo", act[1]).exit_code == 0
    assert json.loads(filled("labels", "show", "talk", "--json").stdout)["labels"] == before


def _document(*turns: tuple[float, float, str | None]) -> str:
    return json.dumps([{"start": a, "end": b, "speaker": name} for a, b, name in turns])


def test_what_is_not_pinned_is_told(filled: Call, exported: Callable[[str], Path]) -> None:
    exported("rttm")
    document = _document((0, 2, "Zoe"), (4, 6, None), (20, 21, "Ada"))
    command = ("labels", "import", "talk", "-", "--format", "json")
    shown = filled(*command, "--dry-run", stdin=document).stdout.splitlines()
    assert shown[1].split() == ["0:00:00.0", "0:00:02.0", "S0", "Ada", "Zoe", "(new)"]
    assert shown[3:5] == [
        "no stored turn: 0:00:20.0-0:00:21.0 Ada",
        "1 turn without a name in the document left as they are",
    ]
    refused = filled(*command, "--yes", stdin=document)
    assert (refused.exit_code, "Nobody is called Zoe" in refused.stderr) == (2, True)
    asked = filled(*command, stdin=_document((0, 2, "Bob Ray")))
    assert (asked.exit_code, "Pin 1 turn? There is no terminal" in asked.stderr) == (2, True)


def test_as_json(filled: Call, exported: Callable[[str], Path]) -> None:
    exported("rttm")
    document = _document((0, 2, "Bob Ray"))
    command = ("labels", "import", "talk", "-", "--format", "json", "--json", "--yes")
    found = json.loads(filled(*command, stdin=document).stdout)
    (change,) = found["changes"]
    assert change == {"start": 0.0, "end": 2.0, "label": "S0", "before": "Ada", "after": "Bob Ray"}
    assert found["act"] is not None
    assert json.loads(filled(*command, stdin=document).stdout)["changes"] == []
