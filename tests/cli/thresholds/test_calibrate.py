"""``pgvoice calibrate``: what it prints, what it keeps, and how it refuses."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from pgvoice_testkit.stores.voices import PEOPLE, enroll, write

from pgvoice.store import Turn, VoiceStore

Pgvoice = Callable[..., Result]


@pytest.fixture
def labels(pgvoice: Pgvoice, store_url: str, tmp_path: Path) -> Path:
    """An RTTM of a stored video, in which eight people who are enrolled and six others speak."""
    with VoiceStore.open(store_url) as store:
        enroll(store, "first", write(store, "first", PEOPLE, each=9, seed=1), PEOPLE)
        turns = write(store, "second", each=12, seed=2)
    path = tmp_path / "second.rttm"
    path.write_text("".join(_rttm(turn) for turn in turns))
    return path


def _rttm(turn: Turn) -> str:
    name = str(turn.label).replace(" ", "_")
    times = f"{turn.start:.3f} {turn.end - turn.start:.3f}"
    return f"SPEAKER second 1 {times} <NA> <NA> {name} <NA> <NA>\n"


def test_calibrate_then_identify_then_back(pgvoice: Pgvoice, labels: Path) -> None:
    before = pgvoice("identify", "second").stdout.splitlines()[-1]
    assert re.fullmatch(r"threshold 0\.\d{3} for 8 people \(encoder default\)", before)
    pgvoice("label", "--all")
    done = pgvoice("calibrate", "--target-far", "0.1", "--labels", f"second={labels}")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0].startswith("voices@sha256:5e1f5e1f5e1f, calibrated 2")
    assert lines[0].endswith(" from labels of second")
    assert lines[1] == (
        "96 searches by 8 enrolled people, 168 by 14 outside the gallery, of 8 profiles"
    )
    assert [line.split()[0] for line in lines[3:7]] == ["length", "under", "2", "from"]
    assert lines[-1] == "stored as calibration 1, which identify uses now"
    for word in ("FAR  ", "DIR  ", "EER  ", "minDCF (p = 0.01)  ", "The bound and the intervals"):
        assert f"\n{word}" in done.stdout
    assert "at most 10 % (95 % sure); of people left out" in done.stdout
    after = pgvoice("identify", "second").stdout.splitlines()[-1]
    assert re.fullmatch(r"threshold 0\.\d\d to 0\.\d\d for 8 people \(calibrated 2.*\)", after)
    assert ", FAR at most 10 %)" in after
    told = pgvoice("relabel", "--dry-run").stdout
    assert "would change" in told
    assert " calibrated " in pgvoice("encoder", "list").stdout
    assert pgvoice("calibrate", "--reset").stdout == (
        "no calibration is in use; `pgvoice calibrate --activate 1` goes back to calibration 1\n"
    )
    assert pgvoice("identify", "second").stdout.splitlines()[-1] == before
    assert pgvoice("calibrate", "--activate", 1).stdout == "identify uses calibration 1\n"
    assert pgvoice("identify", "second").stdout.splitlines()[-1] == after
    (_, row) = pgvoice("calibrate", "--list", "--wide").stdout.splitlines()
    assert row.split()[0:3:2] == ["1", "yes"]
    assert "  labels of second  " in row


def test_a_target_that_is_not_met_is_not_used(pgvoice: Pgvoice, labels: Path) -> None:
    lines = labels.read_text().splitlines()
    doubles = [
        re.sub("(person_[0-3])", r"double_of_\1", line) if number % 2 else line
        for number, line in enumerate(lines)
    ]
    labels.write_text("\n".join(doubles))
    before = pgvoice("identify", "second").stdout.splitlines()[-1]
    done = pgvoice("calibrate", "--target-far", "0.05", "--labels", f"second={labels}")
    assert done.exit_code == 1
    *_, outcome, remedy, command = done.stdout.splitlines()
    bound = re.search("at most [0-9.]+ %", done.stdout)
    assert bound is not None
    assert outcome == f"stored as calibration 1, not in use: FAR is only sure to be {bound[0]},"
    assert remedy.startswith("and the target is 5 %. Label more people, or give a higher")
    assert command == "use it all the same: --activate 1"
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert pgvoice("identify", "second").stdout.splitlines()[-1] == before
    pgvoice("calibrate", "--activate", 1)
    assert f", FAR {bound[0]})" in pgvoice("identify", "second").stdout.splitlines()[-1]
    assert bound[0] in pgvoice("calibrate", "--list").stdout


def test_regions_of_a_uem_file(pgvoice: Pgvoice, labels: Path) -> None:
    uem = labels.with_suffix(".uem")
    uem.write_text("second 1 0 150\n")
    given = ("calibrate", "--target-far", "0.1", "--dry-run", "--json", "--labels", labels)
    every, some = (pgvoice(*given, *more) for more in ([], ["--uem", uem]))
    searches = [json.loads(done.stdout)["figures"]["inside"] for done in (every, some)]
    assert 0 < searches[1] < searches[0]
    assert pgvoice("calibrate", "--exemplars", "--uem", uem).exit_code == 2


def test_as_json(pgvoice: Pgvoice, labels: Path) -> None:
    arguments = ("--target-far", "0.1", "--labels", f"second={labels}", "--bands", "", "--json")
    document = json.loads(pgvoice("calibrate", *arguments, "--dry-run").stdout)
    assert (document["id"], document["active"], len(document["bands"])) == (None, False, 1)
    assert (document["far_bound"], document["confidence"]) == (0.1, 0.95)
    low, high = document["figures"]["dir_interval"]
    assert low <= document["figures"]["dir"] <= high
    assert json.loads(pgvoice("calibrate", "--list", "--json").stdout) == []
    kept = json.loads(pgvoice("calibrate", *arguments).stdout)
    assert json.loads(pgvoice("calibrate", "--list", "--json").stdout) == [kept]
    used = json.loads(pgvoice("identify", "second", "--json").stdout)
    assert (used["kind"], used["gallery"]) == ("calibrated", 8)
    assert used["threshold"] == kept["bands"][0]["threshold"]
    given = json.loads(pgvoice("identify", "second", "--json", "--threshold", "0.2").stdout)
    assert (given["kind"], given["threshold"], len(given["bands"])) == ("given", 0.2, 1)


def test_a_file_of_several_recordings(pgvoice: Pgvoice, store_url: str, labels: Path) -> None:
    with VoiceStore.open(store_url) as store:
        turns = write(store, "third", each=6, seed=3)
    rest = "".join(_rttm(turn).replace("second", "third", 1) for turn in turns)
    labels.write_text(labels.read_text() + rest + _rttm(turns[0]).replace("second", "lost", 1))
    done = pgvoice("calibrate", "--target-far", "0.1", "--labels", labels, "--dry-run")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0].endswith("from labels of second, third")
    assert lines[1].startswith("144 searches by 8 enrolled people, 252 by 14 outside")
    assert "Warning: " in done.stderr
    assert "not in the store ('lost')" in done.stderr


def test_exemplars_and_a_dry_run(pgvoice: Pgvoice, labels: Path) -> None:
    done = pgvoice("calibrate", "--target-far", "0.2", "--exemplars", "--dry-run")
    assert done.exit_code == 0, done.output
    assert done.stdout.endswith("not stored (--dry-run)\n")
    assert "too few searches or people on one side of 2 s: bands joined" in done.stdout
    assert pgvoice("calibrate", "--list").stdout.startswith("there are no calibrations yet")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--exemplars"], 1, "needs 99 searches by 4 people outside the gallery"),
        (["--pinned"], 1, "whose speaker is known from pinned labels"),
        (["--labels", "third={}"], 1, "no video 'third'"),
        (["--labels", "second"], 2, "'second' is neither VIDEO=FILE nor a file"),
        (["--labels", "second=nowhere.rttm"], 2, "there is no file 'nowhere.rttm'"),
        (["--exemplars", "--bands", "2,x"], 2, "'2,x' is not a list of seconds"),
        (["--exemplars", "--bands", "4,2"], 1, "the ends of bands must rise: 4, 2 s do not"),
        (["--exemplars", "--target-far", "0"], 2, "not in the range"),
        ([], 2, "Give --labels, --pinned or --exemplars"),
        (["--reset", "--list"], 2, "Give --labels, --pinned or --exemplars"),
        (["--activate", "7"], 1, "no calibration 7 in the store"),
    ],
)
def test_refusals(
    pgvoice: Pgvoice, labels: Path, arguments: list[str], code: int, message: str
) -> None:
    done = pgvoice("calibrate", *(argument.format(labels) for argument in arguments))
    assert done.exit_code == code
    assert message in done.output


def test_a_diarizers_labels_are_refused(pgvoice: Pgvoice, labels: Path) -> None:
    labels.write_text(labels.read_text().replace("stranger_", "SPEAKER_0"))
    done = pgvoice("calibrate", "--labels", f"second={labels}")
    assert done.exit_code == 1
    assert "'SPEAKER_00' is a diarizer's label" in done.output


def test_a_picture_of_the_scores(pgvoice: Pgvoice, labels: Path, tmp_path: Path) -> None:
    path = tmp_path / "scores.svg"
    arguments = ("--target-far", "0.1", "--labels", f"second={labels}", "--dry-run")
    done = pgvoice("calibrate", *arguments, "--plot", path)
    assert done.exit_code == 0, done.output
    drawn = path.read_text()
    assert "under 2 s" in drawn
    figures = json.loads(pgvoice("calibrate", *arguments, "--json").stdout)["bands"]
    assert len(figures) > 1
    assert "these thresholds: DIR" in drawn
    assert pgvoice("calibrate", "--list", "--plot", path).exit_code == 2
