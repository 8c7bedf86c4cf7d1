"""An audio source: AUDIO_MANIFEST names a CSV file with the columns video and file."""

from __future__ import annotations

import csv
import os
from pathlib import Path

from pgvoice.hooks import RegisterAudioSource, hookimpl


@hookimpl
def register_audio_sources(register: RegisterAudioSource) -> None:
    register("manifest", find, summary="the files listed in AUDIO_MANIFEST")


def find(video: str) -> Path | None:
    """The file in the video's last line; a relative path starts at the list's folder."""
    listed = os.environ.get("AUDIO_MANIFEST")
    if not listed:
        return None
    with Path(listed).open(newline="") as lines:
        found = dict(csv.reader(lines)).get(video)
    return Path(listed).parent / found if found else None
