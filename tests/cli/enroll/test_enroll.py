"""``pgvoice enroll``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from pgvoice_testkit.audio.sounds import voice, write
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder

from pgvoice.cli import options

Call = Callable[..., Result]

pytestmark = pytest.mark.usefixtures("encoder")


def _people(run: Call) -> list[tuple[str, int]]:
    listed = json.loads(run("enroll", "list", "--json").stdout)
    return [(person["speaker"], person["exemplars"]) for person in listed]


def test_add_from_stored_segments_runs_no_model(filled: Call, encoder: CountingEncoder) -> None:
    calls = len(encoder.calls)
    result = filled("enroll", "add", "Ada", "--video", "talk", "--span", "8-10", "--span", "0-2")
    assert (
        result.stdout == "Ada: 1 exemplar added, 1 already enrolled; 2 in total, cohesion 1.000\n"
    )
    assert len(encoder.calls) == calls


def test_add_fills_missing_spans_when_given_the_audio(filled: Call, talk: Path) -> None:
    arguments = ("enroll", "add", "Ada", "--video", "talk", "--span", "2-4")
    missing = filled(*arguments)
    assert missing.exit_code == 1
    assert "(2.0, 4.0) is missing" in missing.stderr
    assert filled(*arguments, "--audio", talk, "--json").exit_code == 0
    assert _people(filled) == [("Ada", 2), ("Bob", 1)]


def test_add_from_files_and_from_spans_of_one(pgvoice: Call, talk: Path) -> None:
    whole = pgvoice("enroll", "add", "Both", "--audio", talk, "--json", "--force")
    # 16 s, of which the last 4 are silent.
    assert (json.loads(whole.stdout)["added"], whole.stderr) == (8, "")
    arguments = ("--audio", talk, "--span", "0-2", "--span", "8-10")
    shared = pgvoice("enroll", "add", "Ada", *arguments)
    assert shared.exit_code == 1
    assert "'Both' is enrolled with the same audio" in shared.stderr
    spans = pgvoice("enroll", "add", "Ada", *arguments, "--force")
    assert spans.stdout.startswith("Ada: 2 exemplars added; 2 in total")
    assert _people(pgvoice) == [("Ada", 2), ("Both", 8)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "--audio FILE, or --video KEY --span"),
        (("--video", "talk"), "--video needs --span or --label"),
        (("--label", "S0"), "--label needs --video"),
        (("--video", "talk", "--audio", "a.wav", "--label", "S0"), "and no --audio"),
        (("--audio", "a.wav", "--audio", "b.wav", "--span", "0-2"), "give only one --audio"),
        (("--audio", "a.wav", "--span", "soon"), "soon"),
    ],
)
def test_wrong_usage_of_add(pgvoice: Call, arguments: tuple[str, ...], message: str) -> None:
    result = pgvoice("enroll", "add", "Ada", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_nobody_is_enrolled_with_silence(pgvoice: Call, talk: Path) -> None:
    result = pgvoice("enroll", "add", "Ada", "--audio", talk, "--span", "13-15")
    assert result.exit_code == 1
    assert "is silent: choose" in result.stderr
    assert _people(pgvoice) == []


def test_an_empty_name_is_refused(filled: Call) -> None:
    result = filled("enroll", "add", " ", "--video", "talk", "--span", "0-2")
    assert (result.exit_code, result.stderr) == (1, "Error: a speaker's name must not be empty\n")


@pytest.mark.parametrize(
    ("speech", "said", "added"),
    [
        (("--span", "7.87-10.1"), "7.87-10.1: 1 segment (2.0 s): 8.0-10.0\n", 1),
        (("--span", "3.7-10.3"), "3.7-10.3: 2 segments (4.0 s): 4.0-6.0, 8.0-10.0\n", 2),
        (("--span", "8-10"), "", 1),
        (("--label", "S1"), "S1: 1 segment (2.0 s): 4.0-6.0\n", 1),
    ],
)
def test_add_says_which_segments_it_chose(
    filled: Call, speech: tuple[str, ...], said: str, added: int
) -> None:
    result = filled("enroll", "add", "Eve", "--video", "talk", *speech, "--force")
    assert result.exit_code == 0, result.stderr
    exemplars = "1 exemplar" if added == 1 else f"{added} exemplars"
    assert result.stdout.startswith(f"{said}Eve: {exemplars} added; ")


@pytest.mark.parametrize(
    ("speech", "said"),
    [
        (("--label", "S7"), "no speech of 'S7' in 'talk': the labels are S0, S1"),
        (("--span", "30-31"), "(30.0, 31.0) is missing; fill these spans first"),
    ],
)
def test_add_names_what_is_there(filled: Call, speech: tuple[str, ...], said: str) -> None:
    result = filled("enroll", "add", "Eve", "--video", "talk", *speech)
    assert (result.exit_code, result.stdout) == (1, "")
    assert said in result.stderr


def test_add_says_what_it_left_out(pgvoice: Call, tmp_path: Path) -> None:
    talk = write(tmp_path / "talk.wav", voice(110, 8), voice(900, 8, seed=1))
    assert pgvoice("enroll", "add", "Bob", "--audio", talk, "--span", "12-16").exit_code == 0
    arguments = ("enroll", "add", "Ada", "--audio", talk, "--span", "0-10")
    told, added = pgvoice(*arguments).stdout.splitlines()
    assert told == f"{talk} 0-10: left out 8-10, it sounds like Bob"
    assert added.startswith("Ada: 4 exemplars added; ")
    (left_out,) = json.loads(pgvoice(*arguments, "--json").stdout)["left_out"]
    assert (left_out["sounds_like"], left_out["part"]) == ("Bob", [8000, 10_000])
    both = pgvoice("enroll", "add", "Ada", "--audio", talk, "--span", "0-16")
    assert both.exit_code == 1
    assert "0 to 16 s, does not sound like one person (" in both.stderr


def test_add_needs_enough_speech_of_a_recording(pgvoice: Call, tmp_path: Path) -> None:
    talk = write(tmp_path / "talk.wav", voice(110, 3))
    arguments = ("enroll", "add", "Eve", "--video", "talk", "--span", "0.5-1.5", "--audio", talk)
    refused = pgvoice(*arguments)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "too little speech to enroll 'Eve': 1.0 s; 2 s are needed" in refused.stderr
    assert pgvoice(*arguments, "--min-speech", "1").stdout.startswith("Eve: 1 exemplar added; ")


def test_drop_deletes_one_exemplar(filled: Call) -> None:
    filled("enroll", "add", "Ada", "--video", "talk", "--span", "8-10")
    shown = json.loads(filled("enroll", "show", "Ada", "--json").stdout)["exemplars"]
    number = next(exemplar["number"] for exemplar in shown if exemplar["start"] == 8)
    place = "(talk, 0:00:08.0 to 0:00:10.0)"
    planned = filled("enroll", "drop", "Ada", number, "--dry-run").stdout
    assert planned == (
        f"exemplar {number} of Ada {place} would be deleted; 1 left in the profile\n"
    )
    assert filled("enroll", "drop", "Ada", number).exit_code == 2
    done = filled("enroll", "drop", "Ada", number, "--yes").stdout
    assert done == planned.replace("would be deleted", "deleted")
    again = filled("enroll", "drop", "Ada", number, "--yes")
    assert (again.exit_code, f"no exemplar {number} " in again.stderr) == (1, True)
    (left,) = json.loads(filled("enroll", "show", "Ada", "--json").stdout)["exemplars"]
    assert (left["start"], left["number"] in {each["number"] for each in shown}) == (0, True)
    last = filled("enroll", "drop", "Ada", left["number"], "--yes")
    assert (last.exit_code, "`pgvoice enroll remove`" in last.stderr) == (1, True)


def test_list(filled: Call) -> None:
    header, ada, bob = filled("enroll", "list").stdout.splitlines()
    assert header.split() == ["speaker", "encoder", "exemplars", "speech", "cohesion", "enrolled"]
    assert ada.split()[:5] == ["Ada", "counting", "1", "0:00:02.0", "1.000"]
    assert bob.startswith("Bob")


def test_list_of_nobody(pgvoice: Call) -> None:
    assert pgvoice("enroll", "list").stdout.startswith("nobody is enrolled yet")
    assert pgvoice("enroll", "list", "--json").stdout == "[]\n"


def test_show_has_the_odd_one_first(filled: Call) -> None:
    for span in ("8-10", "4-6"):
        filled("enroll", "add", "Ada", "--video", "talk", "--span", span, "--force")
    shown = json.loads(filled("enroll", "show", "Ada", "--json").stdout)
    assert shown["exemplars"][0]["start"] == 4.0
    assert all("embedding" not in exemplar for exemplar in shown["exemplars"])
    assert filled("enroll", "show", "Ada").stdout.splitlines()[1].split()[4] == "0:00:04.0"


def test_rename(filled: Call) -> None:
    assert filled("enroll", "rename", "Ada", "Ada L.").stdout == "Ada is now Ada L.\n"
    taken = filled("enroll", "rename", "Bob", "Ada L.")
    assert taken.exit_code == 1
    assert "`pgvoice enroll merge`" in taken.stderr


def test_merge(filled: Call) -> None:
    planned = filled("enroll", "merge", "Bob", "Ada", "--dry-run").stdout
    assert planned == "Bob (1 exemplar) would be merged into Ada (1)\n"
    assert len(_people(filled)) == 2
    assert filled("enroll", "merge", "Bob", "Ada").exit_code == 0
    assert _people(filled) == [("Ada", 2)]
    assert filled("enroll", "merge", "Ada", "Ada").exit_code == 1


def test_merge_of_two_voices_takes_force(filled: Call, tmp_path: Path) -> None:
    eve = write(tmp_path / "eve.wav", voice(2500, 4))
    assert filled("enroll", "add", "Eve", "--audio", eve).exit_code == 0
    for dry_run in ((), ("--dry-run",)):
        refused = filled("enroll", "merge", "Eve", "Ada", *dry_run)
        assert refused.exit_code == 1
        assert "'Ada' do not sound like one person" in refused.stderr
        assert "below the encoder's threshold of 0.900" in refused.stderr
    assert filled("enroll", "merge", "Eve", "Ada", "--force").exit_code == 0


def test_remove_needs_a_yes(filled: Call) -> None:
    planned = filled("enroll", "remove", "Ada", "--dry-run").stdout
    assert planned == "Ada and 1 exemplar would be deleted\n"
    refused = filled("enroll", "remove", "Ada")
    assert refused.exit_code == 2
    assert "give --yes" in refused.stderr
    assert filled("enroll", "remove", "Ada", "--yes").stdout == "Ada and 1 exemplar deleted\n"
    assert _people(filled) == [("Bob", 1)]


def test_remove_asks_at_a_terminal(filled: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options, "somebody_answers", lambda: True)
    no = filled("enroll", "remove", "Ada", stdin="n\n")
    assert (no.exit_code, no.stdout) == (1, "")
    assert "Delete Ada and 1 exemplar? [y/N]" in no.stderr
    assert filled("enroll", "remove", "Ada", stdin="y\n").exit_code == 0


@pytest.mark.parametrize("verb", [("show",), ("remove", "--yes"), ("remove", "--dry-run")])
def test_an_unknown_speaker(pgvoice: Call, verb: tuple[str, ...]) -> None:
    result = pgvoice("enroll", verb[0], "Eve", *verb[1:])
    assert result.exit_code == 1
    assert "no speaker 'Eve'" in result.stderr
