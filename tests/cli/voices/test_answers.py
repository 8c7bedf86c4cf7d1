"""``pgvoice identify --voices``, and what ``doctor`` says of linking."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from pgvoice_testkit.stores.unknown_voices import number_of
from pgvoice_testkit.stores.voices import PEOPLE

from pgvoice.hooks import read_segments
from pgvoice.store import VoiceStore

Call = Callable[..., Result]


@pytest.mark.usefixtures("library")
def test_voices_are_shown_and_written_only_if_asked(
    run: Call, opened: VoiceStore, tmp_path: Path
) -> None:
    opened.voices.name(number_of(opened, PEOPLE[0]), "Ada")
    named = f"voice {number_of(opened, PEOPLE[2])}"
    path = tmp_path / "tuesday.vtt"
    done = run("identify", "tuesday", "--voices", "--output", path)
    assert done.exit_code == 0, done.output
    assert " voice " in done.stdout.splitlines()[0]
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert {turn.label for turn in read_segments(path)} == {"Ada", named}
    silent = run("identify", "tuesday", "--output", path, "--overwrite")
    assert " voice " not in silent.stdout.splitlines()[0]
    assert {turn.label for turn in read_segments(path)} == {"Ada", "SPEAKER_00"}
    document = json.loads(run("identify", "tuesday", "--voices", "--json").stdout)
    assert {each["voice"] for each in document["segments"]} == {None, named}


@pytest.mark.usefixtures("library")
def test_without_linking_it_says_how(run: Call, opened: VoiceStore) -> None:
    opened.voices.disable()
    done = run("identify", "tuesday", "--voices")
    assert (done.exit_code, "`pgvoice voices enable`" in done.stderr) == (1, True)


@pytest.mark.usefixtures("library")
def test_doctor_says_whether_voices_are_linked(run: Call, opened: VoiceStore) -> None:
    def linking() -> str:
        checks = json.loads(run("doctor", "--no-torch", "--json").stdout)["checks"]
        return next(str(each["detail"]) for each in checks if each["name"] == "linking")

    count = len(opened.voices.unknown())
    days = opened.voices.settings().days
    assert linking().startswith(f"on, for people who were not asked: {count} unknown voices, ")
    assert f"{days} days after they were heard last, the first on 20" in linking()
    opened.voices.disable()
    assert linking().startswith("off")
