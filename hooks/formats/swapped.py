"""Files of sound and of segments that were given in each other's place."""

from __future__ import annotations

import shlex
from pathlib import Path

from pgvoice.hooks.errors import FormatError
from pgvoice.hooks.formats.encodings import HEAD, sound_of


def check_order(audio: str | None, segments: str) -> None:
    """Raise `FormatError` with the right order if only the file of segments holds sound.

    Pipes are not read.
    """
    if audio is None or not _is_sound(segments) or _is_sound(audio):
        return
    raise FormatError(
        f"AUDIO comes before SEGMENTS: give `{shlex.join([segments, audio])}`, not"
        f" `{shlex.join([audio, segments])}`"
    )


def _is_sound(path: str) -> bool:
    try:
        if not Path(path).is_file():
            return False
        with Path(path).open("rb") as file:
            return sound_of(file.read(HEAD)) is not None
    except (OSError, ValueError):
        return False
