"""``pgvoice voices review``: one line per unknown voice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from pgvoice_testkit.stores.unknown_voices import enroll_near, number_of
from pgvoice_testkit.stores.voices import PEOPLE

from pgvoice.store import VoiceStore

Call = Callable[..., Result]


def _people(store: VoiceStore) -> list[str]:
    return [each.speaker for each in store.people.speakers()]


def test_a_line_each(library: Call, opened: VoiceStore, player: Path) -> None:
    found = opened.voices.unknown()
    lines = ["Ada", "d tv", "s", "p", "q"]
    done = library("review", stdin="\n".join(lines) + "\n")
    assert done.exit_code == 0, done.output
    assert _people(opened) == ["Ada"]
    assert [each.dismissed_as for each in opened.voices.unknown(dismissed=True)] == ["tv"]
    assert len(opened.voices.unknown()) == len(found) - 2
    shown = [f"voice {each.number}: " in done.stdout for each in found]
    assert shown == [True, True, True, True, *[False] * (len(found) - 4)]
    assert done.stdout.endswith("\n2 answers\n")
    assert player.exists()


@pytest.mark.usefixtures("player")
def test_undoing_asks_again(library: Call, opened: VoiceStore) -> None:
    before = [each.number for each in opened.voices.unknown()]
    done = library("review", stdin="u\nAda\nu\nd tv\nu\nq\n")
    assert done.exit_code == 0, done.output
    assert "nothing to undo" in done.stdout
    assert done.stdout.count(f"voice {before[0]}: ") == 3
    assert (_people(opened), opened.voices.unknown(dismissed=True)) == ([], [])
    assert [each.number for each in opened.voices.unknown()] == before
    assert done.stdout.endswith("\n0 answers\n")


@pytest.mark.usefixtures("player")
def test_a_mistake_is_told_and_asked_again(library: Call, opened: VoiceStore) -> None:
    opened.privacy.require_consent()
    done = library("review", stdin="Ada\nn\nq\n")
    assert done.exit_code == 0
    assert done.stderr.count("Error: ") == 2
    agreed = library("review", "--consent", "form 7", stdin="Ada\nq\n")
    assert (agreed.exit_code, _people(opened)) == (0, ["Ada"])


def test_nobody_to_name_and_no_player(
    library: Call, opened: VoiceStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    warned = library("review", stdin="q\n")
    assert (warned.exit_code, "Warning: no player" in warned.stderr) == (0, True)
    assert "Warning" not in library("review", "--silent", stdin="q\n").stderr
    assert number_of(opened, PEOPLE[0])
    assert library("disable", "--yes").exit_code == 0
    assert library("review").stdout == "no unknown voice to name\n"


@pytest.mark.parametrize(("line", "left"), [("", False), ("n\ns", True)])
def test_a_suggestion_is_answered_with_one_key(
    library: Call, opened: VoiceStore, line: str, left: bool
) -> None:
    number = number_of(opened, PEOPLE[0])
    enroll_near(opened, "Ada", PEOPLE[0], 0.42)
    done = library("review", "--silent", stdin=f"{line}\nq\n")
    assert (done.exit_code, "Who is this? [Ada?]" in done.stdout) == (0, True), done.output
    assert opened.voices.suggestions() == []
    assert (number in [each.number for each in opened.voices.unknown()]) == left
    assert ("not Ada (act " in done.stdout) == left
    assert (f"voice {number} is Ada, in 3 recordings" in done.stdout) != left
    assert done.stdout.endswith("\n1 answer\n")


def test_enter_without_a_suggestion_skips(library: Call, opened: VoiceStore) -> None:
    found = opened.voices.unknown()
    done = library("review", "--silent", stdin="\n" * len(found))
    assert (done.exit_code, opened.voices.unknown()) == (0, found)
    assert done.stdout.endswith("\n0 answers\n")
