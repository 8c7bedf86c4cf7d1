"""Audio sources: from the key of a video to its local file; the built-in one is a folder."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import NamedTuple

from pgvoice.hooks.errors import AudioNotFound, AudioSourceFailed
from pgvoice.hooks.plugins import calls
from pgvoice.hooks.plugins.specs import FindAudio, RegisterAudioSource, hookimpl
from pgvoice.store.errors import PgvoiceError


class RegisteredSource(NamedTuple):
    """An audio source, and the plugin that registered it."""

    plugin: str
    name: str
    find: FindAudio
    summary: str


@cache
def registered_sources() -> dict[str, RegisteredSource]:
    """All audio sources by name; raises `PluginError` if a name is registered twice."""
    return calls.registered("register_audio_sources", "an audio source", RegisteredSource)


def resolve_audio(video: str) -> Path:
    """The local file of a video, from the first source that has it; plugins' before the built-in.

    Raises `AudioNotFound` if no source has it, and `AudioSourceFailed`, which names the source, if
    one fails.
    """
    sources = list(registered_sources().values())
    for source in reversed(sources):
        found = _ask(source, video)
        if found is not None:
            return found
    raise AudioNotFound(
        f"no audio source has the video {video!r}: name its file, or set {FOLDER_VARIABLE} to its"
        f" folder (searched: {', '.join(source.name for source in sources)})"
    )


def resolve_again(video: str, source: str | None) -> Path:
    """The file of a video that is no longer at `source`, from the audio sources.

    Raises `AudioNotFound`, which names both, and `AudioSourceFailed`.
    """
    try:
        return resolve_audio(video)
    except AudioNotFound as error:
        if source is None:
            raise
        raise AudioNotFound(f"{source} is gone, and {error}") from error


def _ask(source: RegisteredSource, video: str) -> Path | None:
    try:
        found = source.find(video)
        if found is None:
            return None
        if (path := Path(found)).is_file():
            return path
    except PgvoiceError:
        raise
    except Exception as error:
        raise AudioSourceFailed(
            f"the audio source {source.name} of the plugin {source.plugin} failed for the video"
            f" {video!r}: {type(error).__name__}: {error}"
        ) from error
    raise AudioSourceFailed(
        f"the audio source {source.name} of the plugin {source.plugin} names {str(found)!r} for the"
        f" video {video!r}, which is not a file"
    )


#: Names the folder; without it the source has no files.
FOLDER_VARIABLE = "PGVOICE_AUDIO"
SUFFIXES = (
    *(".wav", ".flac", ".mp3", ".m4a", ".mp4", ".ogg", ".opus", ".webm"),
    *(".mkv", ".mov", ".aac", ".aif", ".aiff", ".wma", ".mka"),
)


@hookimpl
def register_audio_sources(register: RegisterAudioSource) -> None:
    register(
        "folder", find_in_folder, summary=f"files named after their videos in {FOLDER_VARIABLE}"
    )


def find_in_folder(video: str) -> Path | None:
    """The video's file, with or without a suffix in its key; raises `AudioSourceFailed`."""
    setting = os.environ.get(FOLDER_VARIABLE)
    if not setting:
        return None
    folder = Path(setting).resolve()
    if not folder.is_dir():
        raise AudioSourceFailed(f"{FOLDER_VARIABLE} is {setting!r}, which is not a folder")
    names = [video, *(video + suffix for suffix in SUFFIXES)]
    found = [path for name in names if (path := inside_folder(folder, name)).is_file()]
    if len(found) > 1:
        listed = ", ".join(path.name for path in found)
        raise AudioSourceFailed(
            f"{setting} has several files for {video!r} ({listed}): name one of them"
        )
    return found[0] if found else None


def inside_folder(folder: Path, name: str) -> Path:
    """The path of a name in a folder, whether or not there is a file.

    For audio sources: a video's key may be anybody's text. Raises `AudioSourceFailed` for a name
    that leads out of the folder, by dots, by a root or by a link.
    """
    if "\0" not in name:
        within = folder.resolve()
        path = (within / name).resolve()
        if path.is_relative_to(within):
            return path
    raise AudioSourceFailed(
        f"the video {name!r} leads out of the folder {str(folder)!r}, where its file is searched:"
        " name the file"
    )
