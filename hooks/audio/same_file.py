"""``same_recording``: opens the file that a recording was filled from, and no other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pgvoice.hooks.audio.recording import OpenRecording, open_recording
from pgvoice.hooks.errors import AudioError
from pgvoice.hooks.sources import resolve_audio


@contextmanager
def same_recording(
    video: str, source: str | None, sha256: str | None, audio: str | Path | None = None
) -> Iterator[OpenRecording]:
    """The file `audio`, or else the one at `source`, or else the one that an audio source finds.

    Raises `AudioError`, also if it is not the file with this `sha256`.
    """
    path = Path(audio) if audio else _found(video, source)
    with open_recording(path) as recording:
        if recording.info.sha256 != sha256:
            raise AudioError(f"{path} is not the audio that {video!r} was filled from")
        yield recording


def _found(video: str, source: str | None) -> Path:
    return Path(source) if source and Path(source).is_file() else resolve_audio(video)
