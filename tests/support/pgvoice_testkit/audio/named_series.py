"""The shared series of recordings, with labels that say nothing of who speaks, as a diarizer's."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

SERIES = tuple(f"series/series-dev-{number}" for number in range(1, 7))
_TURN = re.compile(r"SPEAKER \S+ 1 (\S+) (\S+) <NA> <NA> (\S+)")


class Said(NamedTuple):
    """A turn of the reference, with the label that stands for the person in that recording."""

    video: str
    start: float
    end: float
    person: str
    label: str


def turns_of(folder: Path, recordings: Sequence[str] = SERIES) -> list[Said]:
    """The turns of these recordings."""
    turns = []
    for recording in recordings:
        labels: dict[str, str] = {}
        for start, seconds, person in _TURN.findall((folder / f"{recording}.rttm").read_text()):
            label = labels.setdefault(person, f"SPEAKER_{len(labels):02}")
            end = round(float(start) + float(seconds), 3)
            turns.append(Said(Path(recording).name, float(start), end, person, label))
    return turns


def recurring(turns: Iterable[Said]) -> set[str]:
    """The people who speak in more than one recording."""
    videos: dict[str, set[str]] = defaultdict(set)
    for turn in turns:
        videos[turn.person].add(turn.video)
    return {person for person, where in videos.items() if len(where) > 1}
