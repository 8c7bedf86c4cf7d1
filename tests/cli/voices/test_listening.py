"""``pgvoice voices clip`` and ``play``: the sound of an unknown voice."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile
from click.testing import Result
from pgvoice_testkit.audio.sounds import RATE
from pgvoice_testkit.stores.unknown_voices import number_of
from pgvoice_testkit.stores.voices import PEOPLE

from pgvoice.store import VoiceStore

Call = Callable[..., Result]


@pytest.fixture
def number(opened: VoiceStore) -> int:
    """A voice that is heard in the recording that has a file, and in others without."""
    return number_of(opened, PEOPLE[0])


def test_a_clip_is_saved(library: Call, number: int, tmp_path: Path) -> None:
    path = tmp_path / "clip.wav"
    done = library("clip", number, "-o", path)
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith(f"{path}: monday, 0:00:")
    info = soundfile.info(path)
    assert (info.samplerate, info.channels) == (RATE, 1)
    assert 3 <= info.duration <= 8
    again = library("clip", number, "-o", path)
    assert (again.exit_code, "exists" in again.stderr.lower()) == (1, True)
    replaced = library("clip", number, "-o", path, "--overwrite", "--json")
    assert json.loads(replaced.stdout)["clip"]["video"] == "monday"


def test_a_recording_without_its_file(
    library: Call, number: int, tmp_path: Path, sounds: Path
) -> None:
    path = tmp_path / "clip.wav"
    missing = library("clip", number, "-o", path, "--video", "friday")
    assert (missing.exit_code, "--audio FILE" in missing.stderr) == (1, True)
    assert "friday" in missing.stderr
    wrong = library("clip", number, "-o", path, "--video", "friday", "--audio", sounds)
    assert (wrong.exit_code, "is not the audio" in wrong.stderr) == (1, True)
    nowhere = library("clip", number, "-o", path, "--video", "sunday")
    assert (nowhere.exit_code, "'sunday'" in nowhere.stderr) == (1, True)
    assert not path.exists()
    assert library("clip", number, "-o", path, "--audio", sounds).exit_code == 0


def test_playing(library: Call, number: int, player: Path) -> None:
    done = library("play", number)
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith(f"voice {number}: monday, 0:00:")
    (size,) = player.read_text().split()
    assert int(size) >= 3 * RATE * 2
    assert library("play", number, "--all").stdout == done.stdout


def test_a_machine_without_a_player(
    library: Call, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    done = library("play", number)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "`pgvoice voices clip`" in done.stderr
    assert "PGVOICE_PLAYER" in done.stderr
