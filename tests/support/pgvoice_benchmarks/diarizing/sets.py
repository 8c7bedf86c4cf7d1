"""The recordings that are segmented, and the error rates that are required."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import soundfile

from pgvoice_benchmarks.diarizing import conversations
from pgvoice_benchmarks.naming.recordings import Recording, read

#: Sets on which thresholds may have been chosen.
KNOWN = ("pyannote-sample", "simulated-podcast", "series", "ami-30s")
#: Sets for which nothing is required. How labels are joined was chosen with the digits in view.
OTHERS = ("digits-8khz", conversations.NAME)
SETS = (*KNOWN, *OTHERS)
#: The share of files of `KNOWN` in which the number of people must be right.
RIGHT_NUMBER = 0.8


class Required(NamedTuple):
    """The highest DER allowed, in percent and after rounding to a tenth."""

    #: At a collar of .25 s, without overlap.
    lenient: float
    #: At a collar of 0, with overlap.
    strict: float


REQUIRED = {
    "pyannote-sample": Required(0.5, 6.5),
    "simulated-podcast": Required(7, 12),
    "series": Required(6, 11),
    "ami-30s": Required(7, 25),
}


def recordings(group: str, speech: Path, folder: Path) -> list[Recording]:
    """The recordings of a set; conversations are made in `folder`."""
    if group == conversations.NAME:
        return conversations.make(speech, folder)
    return read(group, speech)


def seconds(recording: Recording) -> float:
    """The length of the audio."""
    return float(soundfile.info(recording.audio).duration)


def whole(recording: Recording) -> Sequence[tuple[float, float]]:
    """The region that is judged: the whole file."""
    return [(0.0, seconds(recording))]
