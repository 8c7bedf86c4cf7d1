"""Fifteen people of a folder of seven recordings and a diarizer's files, a command or two each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pgvoice_testkit.audio.named_series import SERIES, Said, recurring, turns_of
from pgvoice_testkit.browsing import chromium
from pgvoice_testkit.reviewing import Series, check_costs, review, reviewing
from pgvoice_testkit.servers.databases import new_database, plain

from pgvoice.cli.main import cli
from pgvoice.store import VoiceStore
from pgvoice.store.keys import snap_ms

Call = Callable[..., Result]

RECORDINGS = (*SERIES, "ami-30s/trn00")
PEOPLE = 15


@pytest.fixture(scope="module")
def turns(speech: Path) -> list[Said]:
    return turns_of(speech, RECORDINGS)


@pytest.fixture(scope="module")
def filled(
    speech: Path,
    turns: list[Said],
    server_url: str,
    template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """The database of a store with these recordings, in which nobody is enrolled."""
    folder = tmp_path_factory.mktemp("diarized")
    with new_database(server_url, template) as url:
        for recording in RECORDINGS:
            video = Path(recording).name
            rttm = folder / f"{video}.rttm"
            rttm.write_text(
                "".join(
                    f"SPEAKER {video} 1 {said.start:.3f} {said.end - said.start:.3f} <NA> <NA>"
                    f" {said.label} <NA> <NA>\n"
                    for said in turns
                    if said.video == video
                )
            )
            audio = speech / f"{recording}.flac"
            options = ("--encoder", "campplus", "--url", plain(url))
            result = CliRunner().invoke(cli, ["fill", video, str(audio), str(rttm), *options])
            assert result.exit_code == 0, result.output
        yield url.database or ""


@pytest.fixture
def pgvoice(filled: str, server_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Call]:
    """Calls ``pgvoice`` on a copy of that store."""
    with new_database(server_url, filled) as url:
        monkeypatch.setenv("PGVOICE_DATABASE_URL", plain(url))
        yield lambda *arguments: CliRunner().invoke(cli, [str(each) for each in arguments])


def _first(turns: list[Said]) -> dict[str, Said]:
    """The people that are enrolled: the first turn of each who is in one of three recordings."""
    firsts: dict[str, Said] = {}
    for said in turns:
        firsts.setdefault(said.person, said)
    videos = ("series-dev-1", "series-dev-2", "trn00")
    return {person: said for person, said in firsts.items() if said.video in videos}


def _span(turns: list[Said], first: Said) -> str:
    """The longest turn of a label, free of others if one is, as somebody types it."""
    recording = [said for said in turns if said.video == first.video]

    def quality(said: Said) -> tuple[bool, float]:
        overlapped = any(
            other.label != said.label and other.start < said.end and said.start < other.end
            for other in recording
        )
        return not overlapped, said.end - said.start

    best = max((said for said in recording if said.label == first.label), key=quality)
    return f"{best.start:.2f}-{best.end:.2f}"


@pytest.mark.parametrize("by", ["label", "span"])
def test_nobody_is_refused(pgvoice: Call, turns: list[Said], by: str) -> None:
    people = _first(turns)
    assert len(people) == PEOPLE
    assert json.loads(pgvoice("enroll", "list", "--json").stdout) == []
    for person, first in people.items():
        speech = first.label if by == "label" else _span(turns, first)
        # Two of the people in the meeting say less than a second.
        result = pgvoice("enroll", "add", person, "--video", first.video, f"--{by}", speech,
                         "--min-speech", 0.4, "--consent", "form 17")  # fmt: skip
        assert result.exit_code == 0, result.stderr
        assert " added; " in result.stdout
    assert {each["speaker"] for each in json.loads(pgvoice("enroll", "list", "--json").stdout)} == (
        set(people)
    )
    assert pgvoice("label", "--all").exit_code == 0
    right, wrong = _shares(pgvoice, turns, set(people))
    assert right >= 0.95
    assert wrong <= 0.02


def _shares(pgvoice: Call, turns: list[Said], people: set[str]) -> tuple[float, float]:
    """Which share of these people's longer turns has the right name, and a wrong one."""
    names = {
        (video, label["start"], label["end"]): label["speaker"]
        for video in {said.video for said in turns}
        for label in json.loads(pgvoice("labels", "show", video, "--json").stdout)["labels"]
    }
    heard = [
        (said.person, names[said.video, snap_ms(said.start) / 1000, snap_ms(said.end) / 1000])
        for said in turns
        if said.person in people and said.end - said.start >= 1.5
    ]
    right = sum(person == name for person, name in heard)
    wrong = sum(name not in (person, None) for person, name in heard)
    return right / len(heard), wrong / len(heard)


def _sums(pgvoice: Call) -> dict[str, str]:
    """The checksums of the tables that an undo restores: all but those that say who did what."""
    tables = json.loads(pgvoice("db", "checksums", "--json").stdout)["tables"]
    return {
        each["table"]: each["checksum"]
        for each in tables
        if not each["table"].startswith(("act", "audit_"))
    }


def _typed(pgvoice: Call, turns: list[Said]) -> list[tuple[str, ...]]:
    """What somebody types who hears each unknown voice that recurs, and knows everybody."""
    label_of = {(said.video, said.label): said.person for said in turns}
    numbers: dict[str, list[int]] = {}
    for each in json.loads(pgvoice("voices", "--json").stdout):
        if each["recordings"] > 1:
            shown = json.loads(pgvoice("voices", "show", each["number"], "--json").stdout)
            heard = [label_of[one["video"], one["label"]] for one in shown["appearances"]]
            numbers.setdefault(max(set(heard), key=heard.count), []).append(each["number"])
    return [
        command
        for person, found in numbers.items()
        for command in [
            *([("same", *map(str, found))] if len(found) > 1 else []),
            ("name", str(min(found)), person),
        ]
    ]


def test_everybody_who_recurs_gets_a_name_and_all_of_it_is_undone(
    pgvoice: Call, turns: list[Said]
) -> None:
    people = recurring(turns)
    assert len(people) > 5
    assert pgvoice("voices", "enable").exit_code == 0
    before = _sums(pgvoice)
    typed = _typed(pgvoice, turns)
    assert {words[-1] for words in typed if words[0] == "name"} == people
    assert len(typed) <= 2 * len(people)
    acts = []
    for words in typed:
        done = pgvoice("voices", *words, "--json")
        assert done.exit_code == 0, done.stderr
        acts.append(json.loads(done.stdout)["act"])
    right, wrong = _shares(pgvoice, turns, people)
    assert right >= 0.95
    assert wrong <= 0.02
    for _ in acts:
        undone = pgvoice("undo")
        assert undone.exit_code == 0, undone.stderr
    assert _sums(pgvoice) == before
    assert pgvoice("undo").exit_code == 1


def test_everybody_who_recurs_gets_a_name_in_a_browser(pgvoice: Call, turns: list[Said]) -> None:
    """By keys, with one listen for each voice."""
    assert pgvoice("voices", "enable").exit_code == 0
    with VoiceStore.open() as store, chromium() as browser, reviewing(browser, store) as (page, _):
        answers = review(page, Series(store, turns))
    check_costs(answers)
    assert {answer.name for answer in answers} >= recurring(turns)
    right, wrong = _shares(pgvoice, turns, recurring(turns))
    assert right >= 0.95
    assert wrong <= 0.02
