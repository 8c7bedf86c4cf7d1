"""``pgvoice label``, ``pgvoice relabel`` and ``pgvoice labels``."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

pytestmark = pytest.mark.usefixtures("encoder")


@pytest.fixture
def labelled(filled: Callable[..., Result]) -> Callable[..., Result]:
    """A store where `talk` has labels, and Bob was removed since."""
    assert filled("label", "talk").exit_code == 0
    assert filled("enroll", "remove", "Bob", "--yes").exit_code == 0
    return filled


def _speakers(pgvoice: Callable[..., Result]) -> list[tuple[str | None, str]]:
    found = json.loads(pgvoice("labels", "show", "talk", "--json").stdout)["labels"]
    return [(label["speaker"], label["reason"]) for label in found]


def test_label_keeps_and_sums_up(filled: Callable[..., Result]) -> None:
    lines = filled("label", "talk").stdout.splitlines()
    assert lines[0] == "5 segments (0:00:08.2), 2 speakers"
    assert lines[1] == "5 labels changed, kept as run 1 (`pgvoice labels revert 1` reverts it)"
    assert re.fullmatch(r"threshold 0\.9\d\d for 2 people \(encoder default\)", lines[-1])
    assert "no label changed" in filled("label", "--all").stdout


def test_label_needs_to_know_what(filled: Callable[..., Result]) -> None:
    assert filled("label").exit_code == 2
    assert filled("label", "talk", "--all").exit_code == 2
    unknown = filled("label", "other")
    assert (unknown.exit_code, unknown.stdout) == (1, "")


def test_label_as_json(filled: Callable[..., Result]) -> None:
    document = json.loads(filled("label", "talk", "--json").stdout)
    assert (document["run"], document["changed"], document["left_pinned"]) == (1, 5, 0)
    assert document["encoder"] == "counting@sha256:fake"
    move = next(m for m in document["moves"] if m["to_speaker"] == "Ada")
    assert (move["from_reason"], move["segments"], move["videos"]) == (None, 2, ["talk"])


def test_labels_show(labelled: Callable[..., Result]) -> None:
    lines = labelled("labels", "show", "talk").stdout.splitlines()
    assert lines[0].split()[:4] == ["start", "end", "speaker", "similarity"]
    assert lines[1].split()[2:4] == ["Ada", "1.000"]
    assert lines[2].split()[2] == "-"
    assert lines[2].split()[-2:] == ["removed", "1"]


def test_labels_show_of_nothing(filled: Callable[..., Result]) -> None:
    assert "talk has no labels: `pgvoice label talk`" in filled("labels", "show", "talk").stdout
    assert filled("labels", "show", "other").exit_code == 1


def test_a_dry_run_shows_and_changes_nothing(labelled: Callable[..., Result]) -> None:
    before = _speakers(labelled)
    lines = labelled("relabel", "--dry-run").stdout.splitlines()
    assert lines[0].split() == ["from", "to", "segments", "speech", "in"]
    assert lines[1].split() == ["(removed)", "Ada", "1", "0:00:02.0", "talk"]
    assert lines[3:5] == ["5 segments (0:00:08.2), 1 speaker", "1 label would change"]
    assert _speakers(labelled) == before


def test_relabel_asks_first(labelled: Callable[..., Result]) -> None:
    before = _speakers(labelled)
    refused = labelled("relabel")
    assert refused.exit_code == 2
    assert "give --yes, or --dry-run" in refused.stderr
    assert _speakers(labelled) == before
    done = labelled("relabel", "--yes")
    assert "1 label changed, kept as run 2" in done.stdout
    assert ("Bob", "matched") not in _speakers(labelled)
    assert labelled("relabel").exit_code == 0


def test_relabel_as_json(labelled: Callable[..., Result]) -> None:
    document = json.loads(labelled("relabel", "talk", "--dry-run", "--json").stdout)
    assert (document["run"], document["changed"]) == (None, 1)
    assert document["moves"][0]["from_reason"] == "removed"


def test_runs_and_revert(labelled: Callable[..., Result]) -> None:
    assert "there are no runs" not in labelled("labels", "runs").stdout
    before = _speakers(labelled)
    labelled("relabel", "--yes")
    assert labelled("labels", "revert", 2).stdout == "run 2 reverted: 1 current label withdrawn\n"
    assert _speakers(labelled) == before
    newest, oldest = json.loads(labelled("labels", "runs", "--json").stdout)
    assert (newest["kind"], newest["changed"], newest["current"]) == ("relabel", 1, 0)
    assert (oldest["kind"], oldest["current"], oldest["reverted_at"]) == ("label", 5, None)
    again = labelled("labels", "revert", 2)
    assert again.exit_code == 1
    assert "was reverted already" in again.stderr
    lines = labelled("labels", "runs").stdout.splitlines()
    assert lines[1].split()[:2] == ["2", "relabel"]


def test_nothing_yet(filled: Callable[..., Result]) -> None:
    assert "no runs yet" in filled("labels", "runs").stdout
    assert "nothing is labelled" in filled("labels", "time").stdout
    assert "0 segments" in filled("relabel").stdout


def test_pin_and_unpin(labelled: Callable[..., Result]) -> None:
    pinned = labelled("labels", "pin", "talk", "Ada", "--span", "0:04-0:06")
    assert pinned.stdout == "pinned to Ada (run 2)\n"
    assert labelled("labels", "pin", "talk", "--nobody", "--span", "0-2").exit_code == 0
    assert "1 label left because pinned" in labelled("relabel", "--yes").stdout
    assert _speakers(labelled)[:2] == [(None, "nobody"), ("Ada", "pinned")]
    assert "nobody (pinned)" in labelled("labels", "show", "talk").stdout
    assert labelled("labels", "unpin", "talk", "--span", "0-2").stdout == "1 segment unpinned\n"
    assert _speakers(labelled)[0] == ("Ada", "matched")


def test_pin_and_unpin_a_label(labelled: Callable[..., Result]) -> None:
    pinned = labelled("labels", "pin", "talk", "Ada", "--label", "S1", "--span", "0.05-2.05")
    label = "S1: 3 segments (4.2 s): 4.0-6.0, 10.0-10.2, 12.0-14.0\n"
    assert pinned.stdout == f"0.05-2.05: 1 segment (2.0 s): 0.0-2.0\n{label}pinned to Ada (run 2)\n"
    assert [name for name, reason in _speakers(labelled) if reason == "pinned"] == ["Ada"] * 4
    unpinned = labelled("labels", "unpin", "talk", "--label", "S1")
    assert unpinned.stdout.endswith("\n3 segments unpinned\n")
    assert [reason for _, reason in _speakers(labelled)].count("pinned") == 1
    assert labelled("labels", "unpin", "talk").exit_code == 2


def test_pin_needs_somebody_or_nobody(labelled: Callable[..., Result]) -> None:
    assert labelled("labels", "pin", "talk", "--span", "0-2").exit_code == 2
    assert labelled("labels", "pin", "talk", "Ada", "--nobody", "--span", "0-2").exit_code == 2
    missing = labelled("labels", "pin", "talk", "Ada", "--span", "20-21")
    assert missing.exit_code == 1
    assert "no segment 20.0-21.0 in 'talk'" in missing.stderr


def test_speaking_time(filled: Callable[..., Result], talk: Path, turns: Path) -> None:
    filled("fill", "again", talk, turns)
    filled("label", "--all")
    lines = filled("labels", "time", "again").stdout.splitlines()
    assert lines[1].split() == ["again", "Ada", "2", "0:00:04.0"]
    assert len(json.loads(filled("labels", "time", "--json").stdout)) == 6


def test_a_roster_from_options_and_from_a_file(
    filled: Callable[..., Result], tmp_path: Path
) -> None:
    invited = tmp_path / "invited.txt"
    invited.write_text("\ufeffAda\n\n Carl, the guest\n", encoding="utf-8")
    named = filled("label", "talk", "--speakers-from", str(invited))
    assert {speaker for speaker, _ in _speakers(filled)} == {"Ada", None}
    assert named.stderr.splitlines()[0] == "Warning: not enrolled: Carl, the guest"
    assert re.search(r"for 1 person", named.stdout)
    both = filled("relabel", "--speakers-from", str(invited), "--speakers", "Bob", "--yes")
    assert "1 label changed" in both.stdout or "2 labels changed" in both.stdout
    assert {speaker for speaker, _ in _speakers(filled)} == {"Ada", "Bob", None}
    assert filled("label", "talk", "--speakers", "Carl").exit_code == 1


def test_a_roster_of_nobody_is_refused(filled: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "invited.txt").write_bytes(b"Carl\n")
    nobody = filled("label", "talk", "--speakers-from", str(tmp_path / "invited.txt"))
    assert (nobody.exit_code, "names nobody who is enrolled" in nobody.stderr) == (2, True)
    (tmp_path / "invited.txt").write_bytes(b"Ren\xe9\n")
    unreadable = filled("identify", "talk", "--speakers-from", str(tmp_path / "invited.txt"))
    assert (unreadable.exit_code, "is not UTF-8" in unreadable.stderr) == (2, True)


def test_who_does_not_speak_and_who_is_new(labelled: Callable[..., Result]) -> None:
    denied = labelled("labels", "pin", "talk", "Ada", "--not", "--span", "0-2")
    assert denied.stdout == "pinned as not Ada (run 2)\n"
    assert _speakers(labelled)[0] != ("Ada", "matched")
    unknown = labelled("labels", "pin", "talk", "Adda", "--span", "4-6")
    assert unknown.exit_code == 1
    assert "'Adda' is new: nobody is enrolled by that name. Did you mean Ada?" in unknown.stderr
    added = labelled("labels", "pin", "talk", "Adda", "--new", "--span", "4-6")
    assert added.stdout == "pinned to Adda (run 3)\n"
    assert re.search(r"^Adda +- ", labelled("enroll", "list").stdout, re.MULTILINE)
    assert labelled("labels", "pin", "talk", "--nobody", "--not", "--span", "4-6").exit_code == 2
    lines = labelled("labels", "words", "talk").stdout.splitlines()
    assert [line.split()[4:-2] for line in lines] == [
        ["said"],
        ["is", "not", "Ada"],
        ["is", "Adda"],
    ]
    (first, _) = json.loads(labelled("labels", "words", "talk", "--json").stdout)
    assert (first["holds"], first["speaker"], first["spans"]) == (False, "Ada", [[0, 2000]])
    labelled("labels", "unpin", "talk", "--span", "0-2")
    labelled("labels", "revert", 3)
    assert "nobody said anything of talk" in labelled("labels", "words", "talk").stdout
    assert _speakers(labelled)[0] == ("Ada", "matched")
