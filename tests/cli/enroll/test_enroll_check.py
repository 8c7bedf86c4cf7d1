"""``pgvoice enroll show``, ``check`` and ``restore``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from pgvoice_testkit.audio.sounds import voice, write

pytestmark = pytest.mark.usefixtures("encoder")


@pytest.fixture
def mixed(filled: Callable[..., Result], tmp_path: Path) -> Callable[..., Result]:
    """Calls ``pgvoice`` on a store where Ada has an exemplar of somebody else, forced in."""
    guest = write(tmp_path / "guest.wav", voice(900, 3))
    arguments = ("enroll", "add", "Ada")
    assert filled(*arguments, "--video", "talk", "--span", "8-10").exit_code == 0
    refused = filled(*arguments, "--audio", guest)
    assert refused.exit_code == 1
    assert "guest.wav 0 to 3 s and the others have a similarity of 0.6" in refused.stderr
    assert filled(*arguments, "--audio", guest, "--force").exit_code == 0
    return filled


def test_show_tells_how_exemplars_fit(mixed: Callable[..., Result]) -> None:
    shown = mixed("enroll", "show", "Ada", "--wide").stdout
    header, first, *_, blank, told = shown.splitlines()
    assert header.split()[:6] == ["N", "similarity", "to", "others", "speech", "start"]
    assert (first.split()[5], first.split()[-1], blank) == ("0:00:03.0", "outlying", "")
    assert "3 exemplars of 0:00:07.0, 0 excluded; cohesion" in told
    assert "nearest other person Bob" in told
    found = json.loads(mixed("enroll", "show", "Ada", "--json").stdout)
    assert found["profiles"][0]["nearest_other"] == "Bob"
    assert found["exemplars"][0]["left_out_similarity"] < 0.9


def test_check_lists_everybody(mixed: Callable[..., Result]) -> None:
    header, ada, bob = mixed("enroll", "check", "--wide").stdout.splitlines()
    assert header.split()[2:5] == ["exemplars", "outlying", "excluded"]
    assert ada.split()[:5] == ["Ada", "counting", "3", "1", "0"]
    assert (bob.split()[0], "Ada" in bob) == ("Bob", True)
    (found,) = json.loads(mixed("enroll", "check", "Bob", "--json").stdout)
    assert (found["speaker"], found["left_out_similarity"]) == ("Bob", None)


def test_outliers_are_left_out_and_taken_back(mixed: Callable[..., Result]) -> None:
    planned = mixed("enroll", "check", "--drop-outliers", "--dry-run").stdout
    assert planned.endswith("\n1 exemplar would be excluded from the profile\n")
    assert "outlying" in mixed("enroll", "show", "Ada").stdout
    left_out = json.loads(mixed("enroll", "check", "Ada", "--drop-outliers", "--json").stdout)
    assert left_out["left_out"]["Ada"][0]["end"] == 3.0
    assert "excluded" in mixed("enroll", "show", "Ada").stdout.splitlines()[1]
    again = mixed("enroll", "check", "--drop-outliers")
    assert (again.exit_code, again.stdout) == (0, "no outlying exemplars\n")
    assert mixed("enroll", "restore", "Ada").stdout == "Ada: 1 exemplar restored\n"
    assert "excluded" not in mixed("enroll", "show", "Ada").stdout.splitlines()[1]


def test_a_dry_run_of_nothing(filled: Callable[..., Result]) -> None:
    result = filled("enroll", "check", "--dry-run")
    assert (result.exit_code, "--dry-run needs --drop-outliers" in result.stderr) == (2, True)


@pytest.mark.parametrize("verb", ["check", "restore"])
def test_an_unknown_speaker(filled: Callable[..., Result], verb: str) -> None:
    result = filled("enroll", verb, "Eve")
    assert (result.exit_code, "no speaker 'Eve'" in result.stderr) == (1, True)


def test_check_of_nobody(pgvoice: Callable[..., Result]) -> None:
    assert pgvoice("enroll", "check").stdout.startswith("nobody is enrolled yet")
