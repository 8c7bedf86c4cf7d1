"""The recordings of the examples, as a diarizer would hand them over.

Clusters come from reference RTTMs, with numbers as labels and with a typical mistake: in the
podcast two people share a cluster. Turns are cut into pieces of at most 1.6 s, about the length of
transcribed phrases: 281 in nine recordings, and one of them twice.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pgvoice.hooks import Turn, read_segments

SPEECH = Path(__file__).resolve().parents[3] / "shared" / "speech"
#: The enrolled people and their numbers in LibriSpeech; reader 533 of the podcast is not enrolled.
PEOPLE = {"Ada": "1688", "Bob": "2414", "Cleo": "3080", "Dan": "367"}
#: Readers whom the diarizer confuses with another.
TAKEN_FOR = {"533": "1688"}
PIECE_SECONDS = 1.6


@dataclass(frozen=True, slots=True)
class Video:
    """A recording after diarization."""

    key: str
    audio: Path
    segments: list[Turn]

    @property
    def spans(self) -> list[tuple[float, float]]:
        """The spans of speech in seconds."""
        return [(segment.start, segment.end) for segment in self.segments]


def videos() -> list[Video]:
    """The recordings; ends the program with a message if they are missing."""
    if not SPEECH.is_dir():
        sys.exit(f"skipped: no recordings at {SPEECH}")
    # Without the meeting of a single turn.
    meetings = [file for file in sorted(SPEECH.glob("ami-30s/*.flac")) if file.stem != "trn02"]
    podcast = SPEECH / "simulated-podcast" / "podcast-dev.flac"
    return [_video(file) for file in (podcast, SPEECH / "pyannote-sample/sample.flac", *meetings)]


def recordings_of(reader: str) -> list[Path]:
    """Files in which only this reader speaks, for the enrollment."""
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
