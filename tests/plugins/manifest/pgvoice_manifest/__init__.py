"""An audio source: a CSV file of two columns, video and file, that AUDIO_MANIFEST names."""

from __future__ import annotations

import csv
import os
from pathlib import Path

from pgvoice.hooks import hookimpl
from pgvoice.hooks.plugins.specs import RegisterAudioSource


@hookimpl
def register_audio_sources(register: RegisterAudioSource) -> None:
    register("manifest", find, summary="files that the list AUDIO_MANIFEST names")


def find(video: str) -> Path | None:
    """The file of the last line for the video; a relative one is beside the list."""
    listed = os.environ.get("AUDIO_MANIFEST")
    if not listed:
        return None
    with Path(listed).open(newline="") as lines:
        found = dict(csv.reader(lines)).get(video)
    return Path(listed).parent / found if found else None
