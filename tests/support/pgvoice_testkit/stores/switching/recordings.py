"""The recordings of a library, as files with everybody's tone: who speaks in them, and when."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile

from pgvoice.store.turns import Turn
from pgvoice_testkit.encoders.tone_encoder import RATE, TONES, tone

#: People by the number of their tone: those who get a name, those who recur without one, and those
#: who are heard once or twice.
HOSTS, RECURRING, ONCE = range(20), range(20, 34), range(34, len(TONES))
#: One recording in so many has no turns, and one has turns that overlap.
WITHOUT_TURNS, OVERLAPPING = 19, 4
_LENGTHS = (1.5, 2.0, 2.5, 3.0, 3.5, 4.5, 6.0)


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody says in a recording."""

    turn: Turn
    person: int


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording with its file."""

    video: str
    path: Path
    said: tuple[Said, ...]
    #: Whether its turns are stored, or only its segments.
    has_turns: bool

    @property
    def turns(self) -> list[Turn]:
        return [each.turn for each in self.said]

    @property
    def named(self) -> list[Turn]:
        """Its turns with the people instead of the labels."""
        return [replace(each.turn, label=name(each.person)) for each in self.said]

    def label(self, person: int) -> str | None:
        """The label of somebody in it; None if they do not speak."""
        return next((each.turn.label for each in self.said if each.person == person), None)

    def spans(self, person: int) -> list[tuple[float, float]]:
        """When somebody speaks."""
        return [(s.turn.start, s.turn.end) for s in self.said if s.person == person]


def name(person: int) -> str:
    return f"person {person:02}"


def write_all(folder: Path, number: int, seed: int = 0) -> list[Recording]:
    """So many recordings; the same each time."""
    return [_write(folder, place, random.Random(1000 * seed + place)) for place in range(number)]


def write_alone(folder: Path, person: int, seconds: float = 12.0) -> Path:
    """A file in which one person speaks, to enroll them."""
    path = folder / f"{name(person)}.wav"
    soundfile.write(path, tone(person, seconds, 7000 + person), RATE, subtype="PCM_16")
    return path


def write_resembling(folder: Path, person: int, other: int) -> Path:
    """A file of somebody who sounds a little like one person, and more like another."""
    path = folder / f"like {name(person)}.wav"
    sound = 0.57 * tone(person, 12, 8000) + 0.8 * tone(other, 12, 8001)
    soundfile.write(path, sound, RATE, subtype="PCM_16")
    return path


def _write(folder: Path, place: int, chance: random.Random) -> Recording:
    people = [
        place % len(HOSTS),
        RECURRING[chance.randrange(len(RECURRING))],
        chance.choice([*HOSTS[place % 5 :: 5], *RECURRING, *ONCE]),
    ]
    people = list(dict.fromkeys(people))
    said = tuple(_said(people, chance, overlap=place % OVERLAPPING == 1))
    path = folder / f"{place:03}.wav"
    soundfile.write(path, _sound(said, place), RATE, subtype="PCM_16")
    return Recording(f"episode {place:03}", path, said, place % WITHOUT_TURNS != 7)


def _said(people: Sequence[int], chance: random.Random, *, overlap: bool) -> Iterator[Said]:
    at = 0.5
    for number in range(3 * len(people)):
        place = number % len(people)
        seconds = chance.choice(_LENGTHS)
        yield Said(Turn(at, at + seconds, f"SPEAKER_{place:02}"), people[place])
        at += seconds + (-0.5 if overlap and number % 3 == 0 else 0.5)


def _sound(said: Sequence[Said], place: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    samples = np.zeros(round((said[-1].turn.end + 1) * RATE), np.float32)
    for number, each in enumerate(said):
        spoken = tone(each.person, each.turn.end - each.turn.start, 100 * place + number)
        first = round(each.turn.start * RATE)
        samples[first : first + spoken.size] += spoken
    return samples
