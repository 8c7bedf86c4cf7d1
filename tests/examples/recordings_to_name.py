"""What the examples work on: recordings, and what a diarizer made of each.

The clusters are those of reference RTTMs, numbered as diarizers do, and spoiled as they spoil them:
in the podcast two people went into one cluster. Turns are cut into pieces of at most 1.6 s, about
what transcription makes of them: 281 in nine recordings, and one of them twice.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pgvoice.hooks.formats.reading import read_segments
from pgvoice.store.turns import Turn

SPEECH = Path(__file__).resolve().parents[3] / "shared" / "speech"
#: Everybody who is enrolled, and their number in LibriSpeech; the podcast's reader 533 is not.
PEOPLE = {"Ada": "1688", "Bob": "2414", "Cleo": "3080", "Dan": "367"}
#: Whom the diarizer took for somebody else.
TAKEN_FOR = {"533": "1688"}
PIECE_SECONDS = 1.6


@dataclass(frozen=True, slots=True)
class Video:
    """A recording as the pipeline has it after diarization."""

    key: str
    audio: Path
    segments: list[Turn]

    @property
    def spans(self) -> list[tuple[float, float]]:
        """Where somebody speaks, in seconds."""
        return [(segment.start, segment.end) for segment in self.segments]


def videos() -> list[Video]:
    """The recordings; ends the program with a message where they are not there."""
    if not SPEECH.is_dir():
        sys.exit(f"skipped: no recordings at {SPEECH}")
    # Of the meetings, the one with a single turn is left out.
    meetings = [file for file in sorted(SPEECH.glob("ami-30s/*.flac")) if file.stem != "trn02"]
    podcast = SPEECH / "simulated-podcast" / "podcast-dev.flac"
    return [_video(file) for file in (podcast, SPEECH / "pyannote-sample/sample.flac", *meetings)]


def recordings_of(reader: str) -> list[Path]:
    """Files in which only they speak, to enroll them from."""
    return sorted((SPEECH / "librispeech-test-other" / reader).glob("*.flac"))[:4]


def _video(audio: Path) -> Video:
    turns = read_segments(audio.with_suffix(".rttm"))
    voices = [TAKEN_FOR.get(str(turn.label), turn.label) for turn in turns]
    numbers = {voice: number for number, voice in enumerate(dict.fromkeys(voices))}
    pieces = [
        piece
        for turn, voice in zip(turns, voices, strict=True)
        for piece in _pieces(turn, f"SPEAKER_{numbers[voice]:02}")
    ]
    return Video(audio.stem, audio, pieces)


def _pieces(turn: Turn, cluster: str) -> Iterator[Turn]:
    count = max(1, math.ceil((turn.end - turn.start) / PIECE_SECONDS))
    each = (turn.end - turn.start) / count
    for place in range(count):
        start = turn.start + place * each
        yield Turn(start, start + each, cluster)
