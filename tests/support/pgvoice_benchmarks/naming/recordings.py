"""Recordings whose speakers are known, and the pieces of their speech that are identified."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from pgvoice_testkit.audio.shared_recordings import SPEECH

from pgvoice.store import SegmentKey, Turn
from pgvoice.store.keys import snap_segment

#: Sets that make a library of their own.
SETS = ("ami-30s", "series", "digits-8khz")
#: Single recordings of two and of five people.
SINGLE = ("pyannote-sample", "simulated-podcast")
#: The sets that consist of LibriSpeech, where people have the same names.
_LIBRISPEECH = ("series", "simulated-podcast")
#: Seconds of the windows that clean speech is cut into.
WINDOWS = (0.8, 1.0, 1.5, 2.0, 3.0)
CLEAN, TURN = "clean", "turn"
#: Seconds and milliseconds of the shortest clean part.
SHORTEST = 0.6
_SHORTEST_MS = round(1000 * SHORTEST)


class Recording(NamedTuple):
    """A file; the labels of its turns are people."""

    key: str
    #: What it is counted with: its set, or its channel.
    group: str
    audio: Path
    turns: list[Turn]
    #: The recording that this one is a copy or a part of, or its own key.
    origin: str

    @property
    def people(self) -> list[str]:
        return sorted({turn.label or "" for turn in self.turns})


class Piece(NamedTuple):
    """A stretch of one person's speech: a window (its seconds), a clean part, or a whole turn."""

    key: SegmentKey
    kind: str
    person: str


def read(group: str, folder: Path = SPEECH) -> list[Recording]:
    """The recordings of a set, in the order of their names."""
    found = []
    for file in sorted((folder / group).glob("*.rttm")):
        audio = next(path for path in file.parent.glob(f"{file.stem}.*") if path != file)
        key = f"{group}/{file.stem}"
        corpus = "librispeech" if group in _LIBRISPEECH else group
        found.append(Recording(key, group, audio, list(_turns(file, corpus)), key))
    return found


def _turns(file: Path, corpus: str) -> Iterator[Turn]:
    for line in file.read_text().splitlines():
        _, _, _, start, length, _, _, name, *_ = line.split()
        yield Turn(float(start), float(start) + float(length), f"{corpus}/{name}")


def pieces(recording: Recording) -> list[Piece]:
    """Every piece of a recording's speech that is long enough."""
    found = []
    for turn in recording.turns:
        person = turn.label or ""
        if turn.end - turn.start >= SHORTEST:
            found.append(Piece(snap_segment((turn.start, turn.end)), TURN, person))
        for start, end in clean_parts(recording, turn):
            found.append(Piece(SegmentKey(start, end), CLEAN, person))
            found += [
                Piece(key, f"{w:g} s", person) for w in WINDOWS for key in _cut(start, end, w)
            ]
    return found


def clean_parts(recording: Recording, turn: Turn) -> list[tuple[int, int]]:
    """The parts of a turn, in ms, that nobody else overlaps."""
    parts = [_ms(turn)]
    for other in recording.turns:
        if other.label != turn.label:
            start, end = _ms(other)
            parts = [rest for part in parts for rest in _without(part, start, end)]
    return [(start, end) for start, end in parts if end - start >= _SHORTEST_MS]


def _ms(turn: Turn) -> tuple[int, int]:
    key = snap_segment((turn.start, turn.end))
    return key.start_ms, key.end_ms


def _without(part: tuple[int, int], start: int, end: int) -> list[tuple[int, int]]:
    if end <= part[0] or start >= part[1]:
        return [part]
    return [(a, b) for a, b in ((part[0], start), (end, part[1])) if a < b]


def _cut(start: int, end: int, seconds: float) -> Iterator[SegmentKey]:
    size = round(1000 * seconds)
    for at in range(start, end - size + 1, size):
        yield SegmentKey(at, at + size)
