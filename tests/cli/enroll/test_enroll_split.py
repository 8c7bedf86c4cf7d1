"""``pgvoice enroll split``."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from click.testing import Result

Call = Callable[..., Result]


@pytest.fixture
def mixed(filled: Call) -> Call:
    """A store in which Ada also has an exemplar of Bob, whom nobody knows."""
    filled("enroll", "remove", "Bob", "--yes")
    arguments = ("enroll", "add", "Ada", "--video", "talk", "--span", "4-6", "--force")
    assert filled(*arguments).exit_code == 0
    return filled


def _newest(run: Call) -> int:
    shown = json.loads(run("enroll", "show", "Ada", "--json").stdout)
    return max(int(each["number"]) for each in shown["exemplars"])


def test_a_preview_changes_nothing(mixed: Call) -> None:
    number = _newest(mixed)
    split = ("enroll", "split", "Ada", "--into", "Bob")
    result = mixed(*split, "--exemplar", number, "--dry-run")
    assert result.exit_code == 0
    assert "1 exemplar would be moved from Ada (1 left) to Bob\n" in result.stdout
    assert "Bob" not in mixed("enroll", "list").stdout


def test_exemplars_are_moved(mixed: Call) -> None:
    number = _newest(mixed)
    mixed("label", "talk")
    arguments = ("enroll", "split", "Ada", "--into", "Bob", "--exemplar", number, "--json")
    done = json.loads(mixed(*arguments).stdout)
    assert (done["speaker"], done["into"], done["left"]) == ("Ada", "Bob", 1)
    assert [each["number"] for each in done["moved"]] == [number]
    assert done["labels"] > 0
    mixed("undo")
    assert "Bob" not in mixed("enroll", "list").stdout


def test_usage(mixed: Call) -> None:
    result = mixed("enroll", "split", "Ada", "--into", "Bob")
    assert result.exit_code == 2
    assert "Choose the exemplars: --video KEY, --exemplar N, or --suggest." in result.stderr
    alike = mixed("enroll", "split", "Ada", "--into", "Bob", "--suggest")
    assert alike.stderr.startswith("Error: the exemplars of 'Ada' sound like one person (the two")
    whole = mixed("enroll", "split", "Ada", "--into", "Bob", "--video", "talk")
    assert whole.stderr.startswith("Error: all exemplars of 'Ada' would be moved: `pgvoice enroll")
