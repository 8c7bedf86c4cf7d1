"""Audio sources find the file of a video."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

import pgvoice.hooks
from pgvoice.hooks import (
    AudioNotFound,
    AudioSourceFailed,
    hookimpl,
    inside_folder,
    resolve_audio,
)
from pgvoice.hooks.plugins import installed
from pgvoice.hooks.plugins.specs import FindAudio, RegisterAudioSource
from pgvoice.hooks.sources import registered_sources


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loaded: installed.Plugins) -> Path:
    """The folder of the setting, with another file beside it."""
    assert loaded
    folder = tmp_path / "recordings"
    (folder / "2026").mkdir(parents=True)
    for name in ("talk.mp3", "2026/talk.m4a", "whole.name.wav", "../secret.wav"):
        (folder / name).touch()
    (folder / "link.wav").symlink_to(tmp_path / "secret.wav")
    monkeypatch.setenv("PGVOICE_AUDIO", str(folder))
    return folder


class Source:
    """Registers a function as a source."""

    def __init__(self, find: FindAudio, name: str = "mine") -> None:
        self.find = find
        self.name = name

    @hookimpl
    def register_audio_sources(self, register: RegisterAudioSource) -> None:
        register(self.name, self.find, summary="for a test")


@pytest.mark.parametrize(
    ("video", "file"),
    [
        ("talk", "talk.mp3"),
        ("2026/talk", "2026/talk.m4a"),
        ("whole.name.wav", "whole.name.wav"),
        ("whole.name", "whole.name.wav"),
    ],
)
def test_the_folder(folder: Path, video: str, file: str) -> None:
    assert resolve_audio(video) == folder / file


@pytest.mark.parametrize("video", ["../secret", "2026/../../secret", "/etc/passwd", "link", "a\0b"])
@pytest.mark.usefixtures("folder")
def test_nothing_outside_the_folder(video: str) -> None:
    with pytest.raises(AudioSourceFailed, match=r"leads out of the folder .*recordings"):
        resolve_audio(video)


@pytest.mark.parametrize(
    "video", ["../secret", "2026/../../secret", "{outside}/secret", "link", "up/secret"]
)
def test_nothing_outside_the_folder_of_the_documented_source(folder: Path, video: str) -> None:
    """The code is the example of the README, with another folder."""
    readme = Path(inspect.getfile(pgvoice.hooks)).resolve().with_name("README.md").read_text()
    code = "def find" + readme.partition("\ndef find")[2].partition("```")[0]
    known = {"Path": Path, "inside_folder": inside_folder}
    exec(code.replace("/archive", str(folder)), known)
    find: FindAudio = known["find"]  # type: ignore[assignment]
    outside = folder.parent
    (outside / "secret.flac").touch()
    (folder / "link.flac").symlink_to(outside / "secret.flac")
    (folder / "up").symlink_to(outside)
    with pytest.raises(AudioSourceFailed, match="leads out of the folder"):
        find(video.format(outside=outside))
    (folder / "talk.flac").touch()
    assert find("talk") == folder / "talk.flac"
    assert find("none") is None


@pytest.mark.usefixtures("folder")
def test_a_video_that_nobody_has() -> None:
    with pytest.raises(AudioNotFound, match=r"'none': name its file, .*\(searched: folder\)"):
        resolve_audio("none")


def test_several_files_of_one_video(folder: Path) -> None:
    (folder / "talk.wav").touch()
    with pytest.raises(AudioSourceFailed, match=r"several files for 'talk' \(talk.wav, talk.mp3\)"):
        resolve_audio("talk")


def test_without_the_setting_the_folder_has_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PGVOICE_AUDIO")
    with pytest.raises(AudioNotFound):
        resolve_audio("talk")
    monkeypatch.setenv("PGVOICE_AUDIO", str(folder / "talk.mp3"))
    with pytest.raises(AudioSourceFailed, match="which is not a folder"):
        resolve_audio("talk")


def test_a_plugin_is_asked_before_the_folder(folder: Path, loaded: installed.Plugins) -> None:
    mine = folder / "2026" / "talk.m4a"
    loaded.register(Source({"talk": mine}.get))
    assert resolve_audio("talk") == mine
    assert resolve_audio("whole.name") == folder / "whole.name.wav"
    assert registered_sources()["mine"].summary == "for a test"


def test_a_source_that_fails_is_named(loaded: installed.Plugins) -> None:
    def find(video: str) -> Path:
        raise ConnectionError(f"no way to {video}")

    loaded.register(Source(find), "faulty")
    with pytest.raises(
        AudioSourceFailed,
        match=r"source mine of the plugin faulty failed .* 'talk': ConnectionError: no way to talk",
    ):
        resolve_audio("talk")


def test_a_source_that_names_no_file(loaded: installed.Plugins, tmp_path: Path) -> None:
    loaded.register(Source(lambda _video: tmp_path / "gone.wav"), "faulty")
    with pytest.raises(AudioSourceFailed, match=r"mine of the plugin faulty names .*gone.wav' for"):
        resolve_audio("talk")
