"""``pgvoice labels export``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from pgvoice.hooks import read_segments

Call = Callable[..., Result]

pytestmark = pytest.mark.usefixtures("encoder")
#: Of the turns of `talk`, in their order.
NAMES = ["Ada", "Bob", "Ada", "S1", "S1"]


@pytest.fixture
def labelled(filled: Call, turns: Path) -> Call:
    """`talk` has labels, and its file of turns is gone."""
    assert filled("label", "--all").exit_code == 0
    turns.unlink()
    return filled


@pytest.mark.parametrize("name", ["rttm", "vtt", "srt", "json", "whisperx"])
def test_every_format(labelled: Call, tmp_path: Path, name: str) -> None:
    path = tmp_path / "named"
    path.write_text(labelled("labels", "export", "talk", "--format", name).stdout)
    found = read_segments(path, name)
    assert [(turn.start, turn.label) for turn in found] == list(
        zip([0, 4, 8, 10, 12], NAMES, strict=True)
    )


def test_a_file_has_the_format_of_its_suffix(labelled: Call, tmp_path: Path) -> None:
    path = tmp_path / "talk.named.srt"
    assert labelled("labels", "export", "talk", "--output", path).exit_code == 0
    assert [turn.label for turn in read_segments(path)] == NAMES
    again = labelled("labels", "export", "talk", "--output", path)
    assert (again.exit_code, "exists" in again.stderr) == (1, True)
    assert labelled("labels", "export", "talk", "--output", path, "--overwrite").exit_code == 0


def test_all_recordings(labelled: Call, talk: Path, tmp_path: Path) -> None:
    for key in ("../a b", "unlabelled"):
        stdin = json.dumps([[0, 2], [4, 6]])
        assert labelled("fill", key, talk, "-", "--format", "json", stdin=stdin).exit_code == 0
    labelled("label", "../a b")
    folder = tmp_path / "named"
    done = labelled("labels", "export", "--all", "--format", "rttm", "--output", folder)
    assert done.stdout == f"2 recordings in {folder}\n"
    assert done.stderr == "1 recording without labels left out\n"
    assert sorted(path.name for path in folder.iterdir()) == ["%2E.%2Fa b.rttm", "talk.rttm"]
    together = labelled("labels", "export", "--all", "--format", "rttm").stdout
    assert together == "".join(
        (folder / name).read_text() for name in ("%2E.%2Fa b.rttm", "talk.rttm")
    )


def test_what_cannot_be_exported(filled: Call) -> None:
    nothing = filled("labels", "export", "talk")
    assert nothing.exit_code == 1
    assert "talk has no labels: `pgvoice label talk` stores them" in nothing.stderr
    assert filled("labels", "export", "other").exit_code == 1
    assert filled("labels", "export").exit_code == 2
    assert filled("labels", "export", "talk", "--all").exit_code == 2
    folder = filled("labels", "export", "--all", "--format", "vtt")
    assert (folder.exit_code, "needs --output" in folder.stderr) == (2, True)
