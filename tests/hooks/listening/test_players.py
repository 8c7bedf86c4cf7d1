"""The program that plays a clip: the one that is set, or the first that is installed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pgvoice_testkit.audio.sounds import RATE, voice

from pgvoice.hooks.errors import NotPlayable
from pgvoice.hooks.listening.clips import HeardClip
from pgvoice.hooks.listening.players import PLAYER_VARIABLE, find_player
from pgvoice.store.voices.unknown import Clip


@pytest.fixture
def heard() -> HeardClip:
    return HeardClip(Clip("talk", None, 0, 1), RATE, voice(110, 1).astype(np.float32))


def _program(folder: Path, name: str, script: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_the_player_that_is_set(
    heard: HeardClip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    player = _program(tmp_path / "a b", "player", f'cp "$2" "{tmp_path}/played.wav"; echo $1 >&2')
    monkeypatch.setenv(PLAYER_VARIABLE, f"'{player}' --quiet")
    find_player().play(heard)
    assert (tmp_path / "played.wav").read_bytes().startswith(b"RIFF")


def test_the_first_that_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PLAYER_VARIABLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotPlayable, match=r"looked for ffplay, mpv.*`pgvoice voices clip`"):
        find_player()
    _program(tmp_path, "aplay", "")
    assert find_player().command == ("aplay", "-q")
    _program(tmp_path, "mpv", "")
    assert find_player().command[0] == "mpv"


@pytest.mark.parametrize("setting", ["no-such-player --quiet", "'unclosed", " "])
def test_a_setting_that_names_no_program(setting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PLAYER_VARIABLE, setting)
    with pytest.raises(NotPlayable, match=PLAYER_VARIABLE):
        find_player()


def test_a_player_that_fails(
    heard: HeardClip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    player = _program(tmp_path, "player", "echo no card >&2; exit 3")
    monkeypatch.setenv(PLAYER_VARIABLE, str(player))
    with pytest.raises(NotPlayable, match=r"cannot play here \(no card\): set PGVOICE_PLAYER"):
        find_player().play(heard)
    found = find_player()
    player.write_text("not a program")
    player.chmod(0o644)
    with pytest.raises(NotPlayable, match=r"does not start \(Permission denied\)"):
        found.play(heard)
