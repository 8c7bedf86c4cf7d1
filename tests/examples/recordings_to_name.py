"""What the examples work on: recordings, and what a diarizer made of each.

The clusters are those of reference RTTMs, spoiled as diarizers spoil them: in the podcast two
people went into one cluster. Turns are cut into pieces of at most 1.6 s, about what transcription
makes of them: 281 in nine recordings.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pgvoice.hooks.formats import InputSegment, read_segments

SPEECH = Path(__file__).resolve().parents[3] / "shared" / "speech"
#: Everybody who is enrolled; a fifth person of the podcast, 533, is not.
PEOPLE = ("1688", "2414", "3080", "367")
#: Two people that the diarizer took for one.
ONE_CLUSTER = {"1688": "SPEAKER_00", "533": "SPEAKER_00"}
PIECE_SECONDS = 1.6


@dataclass(frozen=True, slots=True)
class Video:
    """A recording as the pipeline has it after diarization."""

    key: str
    audio: Path
    segments: list[InputSegment]

    @property
    def spans(self) -> list[tuple[float, float]]:
        """Where somebody speaks, in seconds."""
        return [(segment.start, segment.end) for segment in self.segments]

    @property
    def clusters(self) -> list[str | None]:
        """The diarizer's label of each."""
        return [segment.label for segment in self.segments]


def videos() -> list[Video]:
    """The recordings; ends the program with a message where they are not there."""
    if not SPEECH.is_dir():
        sys.exit(f"skipped: no recordings at {SPEECH}")
    # Of the meetings, the one with a single turn is left out.
    meetings = [file for file in sorted(SPEECH.glob("ami-30s/*.flac")) if file.stem != "trn02"]
    podcast = SPEECH / "simulated-podcast" / "podcast-dev.flac"
    return [_video(file) for file in (podcast, SPEECH / "pyannote-sample/sample.flac", *meetings)]


def recordings_of(person: str) -> list[Path]:
    """Files in which only they speak, to enroll them from."""
    return sorted((SPEECH / "librispeech-test-other" / person).glob("*.flac"))[:4]


def _video(audio: Path) -> Video:
    turns = read_segments(audio.with_suffix(".rttm"))
    return Video(audio.stem, audio, [piece for turn in turns for piece in _pieces(turn)])


def _pieces(turn: InputSegment) -> Iterator[InputSegment]:
    count = max(1, math.ceil((turn.end - turn.start) / PIECE_SECONDS))
    each = (turn.end - turn.start) / count
    cluster = ONE_CLUSTER.get(str(turn.label), turn.label)
    for place in range(count):
        start = turn.start + place * each
        yield InputSegment(start, start + each, cluster)
