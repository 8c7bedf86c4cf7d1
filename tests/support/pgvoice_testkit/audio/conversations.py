"""Conversations of made-up voices, some of whom speak at the same time."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pgvoice.store.turns import Turn
from pgvoice_testkit.audio.sounds import RATE, voice, write
from pgvoice_testkit.segmenters.counting_segmenter import PITCHES

#: A voice of this length is made once, and pieces of it are spoken.
_LONGEST = 70


def write_turns(path: Path, turns: Sequence[Turn], seconds: float) -> Path:
    """Turns whose labels are pitches; a `CountingSegmenter` finds them again."""
    sound = np.zeros(round(seconds * RATE), np.float32)
    voices = {str(pitch): voice(pitch, _LONGEST, seed=pitch) for pitch in PITCHES}
    for turn in turns:
        start, stop = round(turn.start * RATE), round(turn.end * RATE)
        sound[start:stop] += voices[str(turn.label)][: stop - start]
    return write(path, sound)


def random_turns(seed: int, seconds: int) -> list[Turn]:
    """Turns of up to 8 s, in tenths, of which voices begin anew after pauses of their own."""
    chance, turns = random.Random(seed), list[Turn]()
    for pitch in PITCHES:
        at = chance.randrange(0, 60)
        while (end := at + chance.randrange(3, 80)) < seconds * 10:
            turns.append(Turn(at / 10, end / 10, str(pitch)))
            at = end + chance.choice([1, 2, 10, 40, 150])
    return sorted(turns, key=lambda turn: (turn.start, turn.end))
