"""pgvoice beside the current WhisperX and pyannote.audio, installed with one line of pip."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from typing import Any

import pytest
from pgvoice_testkit.processes.environments import (
    ROOT,
    Environment,
    check_encoders,
    new_environment,
    newest,
)

pytestmark = pytest.mark.slow

EXAMPLE = ROOT / "tests" / "examples" / "beside_whisperx.py"


@pytest.fixture(scope="module")
def beside_whisperx() -> Iterator[Environment]:
    """What a user of WhisperX and pyannote.audio installs, with one line."""
    with new_environment() as environment:
        environment.pip_install("whisperx", "pyannote-audio", f"{ROOT}[campplus,embedded]")
        yield environment


def test_one_line_installs_the_current_releases(beside_whisperx: Environment) -> None:
    versions = beside_whisperx.versions()
    assert versions["whisperx"] == newest("whisperx")
    assert versions["pyannote-audio"] == newest("pyannote-audio")
    assert versions["torch"].startswith("2.8.")
    assert versions["torchaudio"] == versions["torch"]


def test_doctor_finds_nothing_to_mend(beside_whisperx: Environment, store_url: str) -> None:
    settings = {"PGVOICE_DATABASE_URL": store_url, "PGVOICE_ENCODER": "campplus"}
    printed = beside_whisperx.answer("pgvoice", "doctor", "--json", settings=settings)
    states = {check["name"]: check["state"] for check in json.loads(printed)["checks"]}
    assert {states[name] for name in ("decoding", "torch", "device", "encoder")} == {"ok"}


def test_ten_lines_name_the_speakers(beside_whisperx: Environment, store_url: str) -> None:
    printed = beside_whisperx.answer(
        "python", str(EXAMPLE), settings={"PGVOICE_DATABASE_URL": store_url}
    )
    *diarization, segments = printed.splitlines()
    named = {line.split()[-1] for line in diarization}
    assert len(diarization) == 10
    assert {"Ada", "Bob"} <= named <= {"Ada", "Bob", "SPEAKER_01"}
    labelled = [(each["diarizer_label"], each["speaker"]) for each in _named(segments)]
    assert set(labelled) == {("SPEAKER_00", "Ada"), ("SPEAKER_01", "Bob")}
    assert len(labelled) >= 12
    assert all(word["speaker"] for each in _named(segments) for word in each["words"])


def _named(printed: str) -> list[dict[str, Any]]:
    """The segments that got a name; a turn of half a second may not."""
    found = ast.literal_eval(printed)
    return [each for each in found if each["speaker"] in ("Ada", "Bob")]


def test_the_encoders_beside_whisperx(beside_whisperx: Environment) -> None:
    beside_whisperx.pip_install("-e", f"{ROOT}[test]")
    assert beside_whisperx.versions()["torch"].startswith("2.8.")
    check_encoders(beside_whisperx)
