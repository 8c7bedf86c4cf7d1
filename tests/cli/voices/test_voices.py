"""``pgvoice voices``: which there are, what is done with them, and what that says."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result
from pgvoice_testkit.stores.unknown_voices import enroll_near, number_of
from pgvoice_testkit.stores.voices import PEOPLE

from pgvoice.cli import options
from pgvoice.store import VoiceStore

Call = Callable[..., Result]


def _json(done: Result) -> Any:
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def _numbers(library: Call, *arguments: str) -> list[int]:
    return [each["number"] for each in _json(library("list", "--json", *arguments))]


def test_off_says_how_to_enable_it_and_what_that_means(pgvoice: Call) -> None:
    listed = pgvoice("voices")
    assert (listed.exit_code, listed.stdout.count("\n")) == (0, 3)
    assert "`pgvoice voices enable`" in listed.stdout
    assert "biometric data of people who were not asked" in " ".join(listed.stdout.split())
    assert max(map(len, listed.stdout.splitlines())) <= 80
    as_json = pgvoice("voices", "--json")
    assert (json.loads(as_json.stdout), "is off" in as_json.stderr) == ([], True)


def test_enabling_and_disabling(pgvoice: Call) -> None:
    enabled = pgvoice("voices", "enable", "--days", 90, "--rate", 0.02)
    assert "rate 0.02, forgotten 90 days after" in enabled.stdout
    assert "biometric" in enabled.stdout
    assert max(map(len, enabled.stdout.splitlines())) <= 80
    again = _json(pgvoice("voices", "enable", "--json"))
    assert again["settings"] == {"enabled": True, "rate": 0.02, "days": 90}
    assert pgvoice("voices").stdout == "no unknown voice\n"
    assert pgvoice("voices", "--dismissed").stdout == "no voice was dismissed\n"
    refused = pgvoice("voices", "enable", "--rate", 0.5)
    assert (refused.exit_code, "0.5" in refused.stderr) == (1, True)
    off = pgvoice("voices", "disable")
    assert (off.exit_code, off.stdout) == (0, "linking is off; 0 unknown voices deleted\n")
    assert "enable" in pgvoice("voices").stdout


def test_disabling_deletes_only_after_a_yes(library: Call) -> None:
    count = len(_numbers(library))
    told = library("disable", "--dry-run").stdout
    assert told == f"linking would be off; {count} unknown voices would be deleted\n"
    asked = library("disable")
    assert (asked.exit_code, "give --yes" in asked.stderr) == (2, True)
    assert len(_numbers(library)) == count
    assert library("disable", "--yes").stdout == f"linking is off; {count} unknown voices deleted\n"


def test_the_list_is_of_those_that_speak_most_first(library: Call, opened: VoiceStore) -> None:
    found = _json(library("--json"))
    assert found == _json(library("list", "--json"))
    assert [each["seconds"] for each in found] == sorted(
        (each["seconds"] for each in found), reverse=True
    )
    everywhere = number_of(opened, PEOPLE[0])
    first = next(each for each in found if each["number"] == everywhere)
    assert (first["recordings"], first["nearest"], first["suggested"]) == (3, None, False)
    table = library().stdout
    assert re.match(r"voice +speech +recordings +last heard +in +nearest\n", table)
    assert f"\n{len(found)} unknown voices, 0:0" in table
    assert max(map(len, table.splitlines())) <= 80
    limited = library("--limit", 2).stdout
    assert limited.splitlines()[1:3] == table.splitlines()[1:3]
    assert f"{len(found)} unknown voices, 2 shown" in limited
    assert len(_numbers(library, "--limit", "2")) == 2


def test_where_a_voice_is_heard(library: Call, opened: VoiceStore) -> None:
    number = number_of(opened, PEOPLE[2])
    shown = library("show", number).stdout.splitlines()
    assert re.match("recording +label +segments +speech +first +clip +similarity", shown[0])
    assert [line.split()[:2] for line in shown[1:3]] == [
        ["thursday", "SPEAKER_02"],
        ["tuesday", "SPEAKER_00"],
    ]
    assert shown[-1].startswith(f"voice {number}: 2 recordings, 0:0")
    found = _json(library("show", number, "--json"))
    assert found["voice"] == number
    start, end = found["appearances"][0]["clip"]
    assert 3 <= end - start <= 8


def test_a_name_is_given_once(library: Call, opened: VoiceStore) -> None:
    number = number_of(opened, PEOPLE[0])
    before = opened.upkeep.checksums()
    dry = library("name", number, "Ada", "--dry-run")
    assert "nothing changed: --dry-run" in dry.stdout
    assert f"voice {number} would be Ada, in 3 recordings" in dry.stdout
    assert opened.upkeep.checksums() == before
    done = library("name", number, "Ada")
    assert done.exit_code == 0, done.stderr
    assert re.search(r"exemplars from [23] recordings, ", done.stdout)
    told = rf"^voice {number} is Ada, in 3 recordings \(act (\d+): `pgvoice undo \1`\)$"
    assert re.search(told, done.stdout, re.MULTILINE)
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert number not in _numbers(library)
    assert {each.video for each in opened.labels.speaker_time() if each.speaker == "Ada"} == {
        "monday",
        "tuesday",
        "friday",
    }
    ended = library("show", number)
    assert (ended.exit_code, f"voice {number} is 'Ada' now" in ended.stderr) == (1, True)


def test_a_terminal_is_asked(
    library: Call, opened: VoiceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = number_of(opened, PEOPLE[1])
    monkeypatch.setattr(options, "somebody_answers", lambda: True)
    declined = library("name", number, "Bob", stdin="n\n")
    assert (declined.exit_code, opened.people.speakers()) == (1, [])
    assert f"Name voice {number} Bob?" in declined.stderr
    assert "exemplars from" in declined.stdout
    agreed = library("name", number, "Bob", stdin="y\n")
    assert (agreed.exit_code, [each.speaker for each in opened.people.speakers()]) == (0, ["Bob"])
    other = number_of(opened, PEOPLE[2])
    assert library("name", other, "Cleo", "--yes").exit_code == 0


def test_as_json_an_act_is_one_document(library: Call, opened: VoiceStore) -> None:
    number = number_of(opened, PEOPLE[0])
    done = _json(library("name", number, "Ada", "--json"))
    assert (done["number"], done["speaker"], done["voices"], done["left_out"]) == (
        *(number, "Ada", 3),
        0,
    )
    assert isinstance(done["act"], int)
    assert {each["video"] for each in done["exemplars"]} <= {"monday", "tuesday", "friday"}
    other = number_of(opened, PEOPLE[1])
    assert _json(library("dismiss", other, "--why", "tv", "--json"))["number"] == other
    assert _json(library("name", number_of(opened, PEOPLE[2]), "C", "--dry-run", "--json"))[
        "act"
    ] is None  # fmt: skip


def test_a_consent_is_stored_with_the_name(library: Call, opened: VoiceStore) -> None:
    number = number_of(opened, PEOPLE[0])
    opened.privacy.require_consent()
    refused = library("name", number, "Ada")
    assert (refused.exit_code, "consent" in refused.stderr) == (1, True)
    done = library("name", number, "Ada", "--consent", "form 7", "--until", "2100-01-01")
    assert done.exit_code == 0, done.stderr
    (consent,) = opened.privacy.consents()
    assert (consent.speaker, consent.consent.evidence) == ("Ada", "form 7")


def test_dismissing(library: Call, opened: VoiceStore) -> None:
    number = number_of(opened, PEOPLE[1])
    dry = library("dismiss", number, "--why", "tv", "--dry-run").stdout
    assert dry == f"voice {number} would be dismissed as tv (nothing changed: --dry-run)\n"
    done = library("dismiss", number, "--why", "tv").stdout
    assert done.startswith(f"voice {number} dismissed as tv (act ")
    assert number not in _numbers(library)
    assert _numbers(library, "--dismissed") == [number]
    assert re.search(rf"\b{number} .* tv\n", library("--dismissed").stdout)
    missing = library("dismiss", number)
    assert (missing.exit_code, "--why" in missing.stderr) == (2, True)


def test_what_linking_got_wrong(library: Call, opened: VoiceStore) -> None:
    first, second = sorted((number_of(opened, PEOPLE[0]), number_of(opened, PEOPLE[2])))
    dry = library("same", first, second, "--dry-run")
    assert (
        dry.stdout == f"{second} would be joined with voice {first} (nothing changed: --dry-run)\n"
    )
    assert library("same", first, second).stdout.startswith(f"{second} joined with voice {first} (")
    assert second not in _numbers(library)
    apart = library("different", first, "--video", "thursday")
    assert apart.exit_code == 0, apart.stderr
    assert apart.stdout.startswith(f"thursday parted from voice {first} (act ")
    heard = _json(library("show", first, "--json"))["appearances"]
    assert "thursday" not in {each["video"] for each in heard}
    alone = library("same", first, first)
    assert (alone.exit_code, "two numbers or more" in alone.stderr) == (2, True)
    elsewhere = library("different", first, "--video", "thursday")
    assert (elsewhere.exit_code, "thursday" in elsewhere.stderr) == (1, True)


@pytest.mark.parametrize("answer", ["accept", "reject"])
def test_suggestions(library: Call, opened: VoiceStore, answer: str) -> None:
    nobody = library("suggestions").stdout
    assert nobody == "no unknown voice comes close to anybody who is enrolled\n"
    number = number_of(opened, PEOPLE[0])
    enroll_near(opened, "Ada", PEOPLE[0], 0.42)
    listed = library("suggestions").stdout.splitlines()
    assert listed[0].split() == [*("voice", "may", "be", "similarity"), *("runner-up", "speech"),
                                 "recordings"]  # fmt: skip
    assert listed[1].split()[:2] == [str(number), "Ada"]
    assert re.search(rf"^ +{number} .* Ada\? 0\.[34]", library().stdout, re.MULTILINE)
    (found,) = _json(library("suggestions", "--json"))
    assert (found["number"], found["speaker"], found["recordings"]) == (number, "Ada", 3)
    dry = library(answer, number, "--dry-run")
    assert "nothing changed: --dry-run" in dry.stdout
    done = library(answer, number)
    assert done.exit_code == 0, done.stderr
    told = f"voice {number} is Ada" if answer == "accept" else f"suggestion for voice {number} rej"
    assert told in done.stdout
    assert library("suggestions").stdout == nobody
    assert (number in _numbers(library)) == (answer == "reject")
    again = library(answer, number)
    assert (again.exit_code, str(number) in again.stderr) == (1, True)


@pytest.mark.parametrize("command", ["show", "clip", "name", "dismiss", "accept", "reject", "play"])
@pytest.mark.usefixtures("player")
def test_a_number_that_is_none(library: Call, command: str) -> None:
    more = {"name": ["Ada"], "dismiss": ["--why", "tv"], "clip": ["-o", "x.wav"]}
    done = library(command, 4711, *more.get(command, []))
    assert (done.exit_code, "4711" in done.stderr, "`pgvoice voices" in done.stderr) == (1,) + (
        True,
    ) * 2
