"""The built-in audio source: files in a folder, named after their videos."""

from __future__ import annotations

import os
from pathlib import Path

from pgvoice.hooks.errors import AudioSourceFailed
from pgvoice.hooks.plugins.specs import RegisterAudioSource, hookimpl

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
    found = [path for name in names if (path := _inside(folder, name)).is_file()]
    if len(found) > 1:
        listed = ", ".join(path.name for path in found)
        raise AudioSourceFailed(
            f"{setting} has several files for {video!r} ({listed}): name one of them"
        )
    return found[0] if found else None


def _inside(folder: Path, name: str) -> Path:
    """Refuses names that lead out of the folder, by dots, by a root or by a link."""
    if "\0" not in name:
        path = (folder / name).resolve()
        if path.is_relative_to(folder):
            return path
    raise AudioSourceFailed(
        f"the video {name!r} leads out of {FOLDER_VARIABLE}={str(folder)!r}, where its file is"
        " searched: name the file"
    )
