"""Synthetic voices of any number of people, as similar to each other as real ones.

A voice is a direction that all share, a person's own, what differs from time to time, and what the
recording adds. The constants reproduce similarities of CAM++ on recordings in ../shared/speech;
`spreads` shows both.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

DIMENSION = 192
#: Mean and deviation of the similarity of two people's voices in two recordings of `series`: 824
#: pairs of 20 people; LibriSpeech: .083 and .105, AMI: .075 and .107.
DIFFERENT, DIFFERENT_DEVIATION = 0.105, 0.107
#: The share of a person's own direction in a voice of so many seconds is s / (s + HALF), times a
#: number from 0 to MOST_OWN that differs from voice to voice as a beta distribution does: fitted to
#: one person's similarity across recordings of `series` for windows of 1, 1.5, 2 and 3 s (.387,
#: .495, .551, .642) and voices of 7.5 and 14 s (.790, .854), and to its deviation there (.07) and
#: on LibriSpeech (.08).
HALF, MOST_OWN, OWN_SHAPE = 1.5, 0.95, (3.7, 0.21)
#: The share that a recording adds to all its voices: two people in one are more similar by .023
#: (`series`) to .077 (AMI) than in two.
ROOM = 0.05
#: Median and spread of the clean seconds of a voice (log-normal), and the limits.
SECONDS, SECONDS_SPREAD, SHORTEST, LONGEST = 15.0, 1.0, 1.5, 900.0
#: The person who is heard most, and how the recordings of others fall with their rank.
MOST, FALL = 2000, 1.2
Matrix = NDArray[np.float32]
Numbers = NDArray[np.int64]


class Voices(NamedTuple):
    """Voices, sorted by recording; each array has one entry per voice."""

    recordings: Numbers
    people: Numbers
    seconds: NDArray[np.float64]
    vectors: Matrix


@dataclass(frozen=True)
class Population:
    """Equal numbers give equal populations."""

    people: int = 10_000
    voices: int = 100_000
    recordings: int = 30_000
    seed: int = 0

    @cached_property
    def all(self) -> Voices:
        """Everybody's voices: nobody has two in one recording."""
        rng = np.random.default_rng((self.seed, 0))
        recordings, people = _appearances(rng, self._sizes(), self.recordings)
        seconds = rng.lognormal(np.log(SECONDS), SECONDS_SPREAD, len(people))
        seconds = seconds.clip(SHORTEST, LONGEST)
        return Voices(recordings, people, seconds, self.spoken(rng, people, recordings, seconds))

    def spoken(
        self,
        rng: np.random.Generator,
        people: Numbers,
        recordings: Numbers,
        seconds: NDArray[np.float64],
    ) -> Matrix:
        """Vectors of so many seconds of these people in these recordings."""
        own = rng.beta(*OWN_SHAPE, len(people)) * MOST_OWN * seconds / (seconds + HALF)
        mixed = np.sqrt(own)[:, None] * self._people[people]
        mixed += np.sqrt(ROOM) * self._rooms[recordings]
        mixed += np.sqrt(1 - ROOM - own)[:, None] * _directions(rng, len(people))
        shared = np.full((len(people), 1), np.sqrt(DIFFERENT))
        return _unit(np.hstack([shared, np.sqrt(1 - DIFFERENT) * _unit(mixed)]))

    def _sizes(self) -> Numbers:
        """In how many recordings each person is heard: one to `MOST`."""
        most = min(MOST, self.recordings // 2)
        ranks = np.arange(self.people)
        low, high = 0.0, float(self.people)
        for _ in range(60):
            middle = (low + high) / 2
            sizes = np.maximum(most * (middle / (middle + ranks)) ** FALL, 1).round()
            low, high = (middle, high) if sizes.sum() < self.voices else (low, middle)
        whole: Numbers = sizes.astype(np.int64)
        return whole

    @cached_property
    def _people(self) -> Matrix:
        return _directions(np.random.default_rng((self.seed, 1)), self.people)

    @cached_property
    def _rooms(self) -> Matrix:
        return _directions(np.random.default_rng((self.seed, 2)), self.recordings)


def _appearances(
    rng: np.random.Generator, sizes: Numbers, recordings: int
) -> tuple[Numbers, Numbers]:
    """Who is heard in which recording, in the order of recordings; each has somebody."""
    people = np.repeat(np.arange(len(sizes)), sizes)
    more = rng.integers(0, recordings, len(people) - recordings)
    places = np.concatenate([np.arange(recordings), more])
    rng.shuffle(people)
    while len(twice := _repeated(people, places)):
        others = rng.integers(0, len(people), len(twice))
        for one, other in zip(twice, others, strict=True):
            people[one], people[other] = people[other], people[one]
    order = np.lexsort([people, places])
    return places[order], people[order]


def _repeated(people: Numbers, places: Numbers) -> Numbers:
    """The places of all but the first of the same person in the same recording."""
    pairs = people * (places.max() + 1) + places
    first = np.unique(pairs, return_index=True)[1]
    return np.setdiff1d(np.arange(len(pairs)), first)


def _directions(rng: np.random.Generator, number: int) -> Matrix:
    """Random directions whose similarities spread as people's do.

    Similarities of directions in n equal dimensions have a deviation of sqrt(1 / n). Variances that
    fall by exp(-f) from one dimension to the next are equivalent to 2 / f equal dimensions.
    """
    fall = 2 * (DIFFERENT_DEVIATION / (1 - DIFFERENT)) ** 2
    deviations = np.exp(-fall / 2 * np.arange(DIMENSION - 1)).astype(np.float32)
    return _unit(rng.standard_normal((number, DIMENSION - 1), np.float32) * deviations)


def _unit(rows: NDArray[np.floating]) -> Matrix:
    unit: Matrix = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit
