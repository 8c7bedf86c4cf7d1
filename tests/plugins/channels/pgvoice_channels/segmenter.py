"""The segmenter: who is loud enough, in each channel."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from pgvoice.hooks import AudioUnreadable, SegmenterAudio, SegmenterIdentity, Turn

#: Milliseconds whose loudness is judged together.
FRAME_MS = 50
#: Speech is louder than this, in dB of full scale, and at most this much quieter than the loudest
#: channel, whose echo it would be otherwise.
FLOOR_DB, ECHO_DB = -45.0, 20.0
#: Frames: a shorter pause ends no turn, a shorter turn is a click, a longer one is divided.
PAUSE, SHORTEST, LONGEST = 10, 6, 1200
#: Frames that are read at once.
BLOCK = 1200


class ChannelSegmenter:
    """A turn is a stretch of sound in one channel, and the channel is its label.

    What has one channel is taken for the speech of one person, such as a dictation.
    """

    identity = SegmenterIdentity("channels", "0.1.0", f"{FLOOR_DB:g} dB")
    labels_are_people = True
    device = "cpu"

    def load(self) -> None:
        """There is no model."""

    def turns(self, audio: SegmenterAudio) -> Iterator[Turn]:
        loud = np.concatenate(list(_loud(audio.path)))
        found = [
            Turn(start * FRAME_MS / 1000, end * FRAME_MS / 1000, f"channel{channel}")
            for channel, frames in enumerate(loud.T, 1)
            for start, end in _stretches(np.flatnonzero(frames))
        ]
        yield from sorted(found, key=lambda turn: (turn.start, turn.end, str(turn.label)))


def _loud(path: Path) -> Iterator[NDArray[np.bool_]]:
    """Whether there is speech, ``(frames, channels)``, a minute at a time."""
    try:
        with soundfile.SoundFile(path) as file:
            size = file.samplerate * FRAME_MS // 1000
            for block in file.blocks(BLOCK * size, dtype="float32", always_2d=True):
                frames = block[: len(block) // size * size].reshape(-1, size, file.channels)
                level = 10 * np.log10(np.square(frames).mean(axis=1) + 1e-12)
                yield level > np.maximum(FLOOR_DB, level.max(axis=1, keepdims=True) - ECHO_DB)
    except soundfile.LibsndfileError as error:
        raise AudioUnreadable(f"{path} cannot be read ({error}); convert it to FLAC") from error


def _stretches(loud: NDArray[np.intp]) -> Iterable[tuple[int, int]]:
    """(start, end) in frames, from the numbers of the loud ones."""
    for stretch in np.split(loud, np.flatnonzero(np.diff(loud) > PAUSE) + 1):
        if stretch.size >= SHORTEST:
            start, end = int(stretch[0]), int(stretch[-1]) + 1
            for first in range(start, end, LONGEST):
                yield first, min(first + LONGEST, end)
