"""``pgvoice demo``: for real, with the real encoder and the real conversation."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
from click.testing import Result

from pgvoice.cli.checks.packages import missing_packages
from pgvoice.cli.demo import sample
from pgvoice.cli.demo.demo import LONG_TURN, Score, find_conversation, score
from pgvoice.hooks.errors import EncoderUnavailable
from pgvoice.store import Identification
from pgvoice.store.turns import Turn

needs_demo = pytest.mark.skipif(bool(missing_packages("demo")), reason="needs pgvoice[demo]")


def _answer(speaker: str | None) -> Identification:
    reason = "matched" if speaker else "below_threshold"
    return Identification(0, 1, speaker, speaker, 0.5, None, None, None, reason)


def test_judging() -> None:
    turns = [
        Turn(start=0, end=2, label="a", text=None),
        Turn(start=2, end=2.5, label="a", text=None),
        Turn(start=3, end=4, label="b", text=None),
    ]
    answers = [_answer("a"), _answer(None), _answer("a")]
    assert score(answers, turns) == Score(turns=3, right=1, wrong=1, abstained=1)
    assert score(answers, turns, at_least=LONG_TURN) == Score(
        turns=2, right=1, wrong=1, abstained=0
    )


@needs_demo
def test_the_conversation() -> None:
    found = find_conversation()
    assert found.audio.name == "sample.wav"
    assert [(turn.label, turn.start) for turn in found.enrolling] == [
        ("speaker90", 8.32),
        ("speaker91", 9.92),
    ]
    assert len(found.asking) == 8


def test_without_the_package(
    run: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def not_there(_name: str) -> None:
        raise PackageNotFoundError

    monkeypatch.setattr(sample, "distribution", not_there)
    monkeypatch.setenv("PGVOICE_DATA", str(tmp_path))
    with pytest.raises(EncoderUnavailable):
        find_conversation()
    result = run("demo")
    assert (result.exit_code, result.stdout) == (1, "")
    assert 'pip install "pgvoice[demo]"' in result.stderr


def _shown_by_the_help(run: Callable[..., Result]) -> list[list[str]]:
    """The commands with which the help begins, without ``pgvoice``."""
    examples = run("--help").stdout.partition("See it work")[2].partition("\n\n")[0]
    lines = map(str.strip, examples.splitlines())
    return [shlex.split(line)[1:] for line in lines if line.startswith("pgvoice ")]


@needs_demo
def test_what_the_help_shows_works(
    run: Callable[..., Result], data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One after the other, exactly as shown; then the demo again, and its end."""
    monkeypatch.setenv("PGVOICE_DATA", str(data_folder))
    monkeypatch.chdir(tmp_path)
    commands = _shown_by_the_help(run)
    assert [words[0] for words in commands] == ["demo", "demo", "fill", "enroll", "identify"]
    first, saved, filled, enrolled, named = (run(*words) for words in commands)
    for done in (first, saved, filled, enrolled, named):
        assert (done.exit_code, done.stderr) == (0, ""), done.output
    assert "pyannote.audio (MIT License)" in first.stdout
    assert "5 turns of at least 1 s: 5 right, 0 wrong, 0 not named" in first.stdout
    assert "fill again: 0 missing, audio not opened, no model loaded" in first.stdout
    assert "From the sound alone, pyannote-3.0 finds" in first.stdout
    assert f"PGVOICE_DATA={data_folder}/demo pgvoice identify sound" in first.stdout
    assert (tmp_path / "talk.rttm").read_bytes().startswith(b"SPEAKER ")
    assert named.stdout.count("Ada") >= 3
    assert run(*commands[1]).exit_code == 1, "what is there is not overwritten"

    monkeypatch.setenv("PGVOICE_DATABASE_URL", "postgresql://127.0.0.1:1/ignored")
    document = json.loads(run("demo", "--json").stdout)
    assert document["first_fill"]["missing"] == document["second_fill"]["missing"] == 0
    assert document["long_turns"] == {"turns": 5, "right": 5, "wrong": 0, "abstained": 0}
    assert {turn["reference"] for turn in document["turns"]} == {"speaker90", "speaker91"}
    assert document["from_sound"]["fill"]["segmenter"].startswith("pyannote-3.0@sha256:")
    assert document["from_sound"]["fill"]["audio_decoded"] is False
    assert 0 < document["from_sound"]["der"] < 0.12
    assert document["from_sound"]["der"] <= document["from_sound"]["ier"] < 0.2

    monkeypatch.delenv("PGVOICE_DATABASE_URL")
    monkeypatch.setenv("PGVOICE_DATA", f"{data_folder}/demo")
    listed = run("search", "speaker90").stdout.splitlines()
    assert {"sample", "sound"} <= {line.split()[0] for line in listed if line}
    assert run("identify", "sample").exit_code == 0
    assert run("identify", "sound").exit_code == 0
    monkeypatch.setenv("PGVOICE_DATA", str(data_folder))
    told = run("demo", "--remove", "--dry-run").stdout
    assert told == f"{data_folder}/demo would be deleted\n"
    assert run("demo", "--remove").stdout == f"{data_folder}/demo deleted\n"
    assert run("demo", "--remove", "--dry-run").exit_code == 1
    assert run("demo", "--dry-run").exit_code == 2
    assert not (data_folder / "demo").exists()
    assert run("demo", "--remove").exit_code == 1
