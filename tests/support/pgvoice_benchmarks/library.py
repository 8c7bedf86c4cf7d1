"""Synthetic libraries of any size with known speakers and realistic similarities.

A speaker is a direction, part of which is common to all. A segment is its speaker's direction plus
noise, and shorter segments have more noise. The constants below come from real speech. All elements
of the vectors vary about equally, as they do with real speech, where the signs of the elements are
of use: of CAM++ on 647 pieces of LibriSpeech, they deviate by 0.05 to 0.09.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pgvoice.store import EncoderIdentity, Exemplar, SegmentKey, SegmentRow, Threshold
from pgvoice_benchmarks.material import LONGEST, MEDIAN, SHORTEST, SPREAD

DIMENSION = 192
ENCODER = EncoderIdentity("synthetic", "sha256:" + 64 * "0", "1", DIMENSION, 16_000)
THRESHOLD = Threshold(0.4, "that of CAM++")
GRID_MS = 100
#: The keys of videos begin with this, and end with a number.
PREFIX = "video "
#: People in one video.
VOICES = 4
#: The share of people who are not enrolled.
STRANGERS = 0.2
EXEMPLARS, EXEMPLAR_SECONDS = 3, 8.0

#: The mean similarity of two clips of one person by their seconds: CAM++ on LibriSpeech
#: test-other, ``python tests/benchmarks/separation.py``; whole clips have 6.6 s.
SAME_BY_SECONDS = {1.5: 0.53, 3.0: 0.69, 6.6: 0.79}
WHOLE = SAME_BY_SECONDS[6.6]
SAME_DEVIATION = 0.08
#: The same for whole clips of two people.
DIFFERENT, DIFFERENT_DEVIATION = 0.10, 0.10
Matrix = NDArray[np.float32]


class Video(NamedTuple):
    """The segments of one video."""

    key: str
    spans: list[SegmentKey]
    #: The speaker of each segment.
    speakers: NDArray[np.int64]
    vectors: Matrix

    def rows(self) -> list[SegmentRow]:
        return [SegmentRow(*row) for row in zip(self.spans, self._ok(), self.vectors, strict=True)]

    def _ok(self) -> list[str]:
        return ["ok"] * len(self.spans)


@dataclass(frozen=True)
class Library:
    """Equal numbers give equal libraries, whichever part is generated in whatever order."""

    segments: int
    profiles: int = 200
    video_segments: int = 300
    seed: int = 0

    @property
    def people(self) -> int:
        """The number of people; the first `profiles` of them are enrolled."""
        return round(self.profiles / (1 - STRANGERS))

    @cached_property
    def voices(self) -> Matrix:
        """A unit vector per person: ``(people, DIMENSION)``."""
        common = DIFFERENT / WHOLE
        own = self._rng(0).standard_normal((self.people, DIMENSION - 1)) * _deviations()
        shared = np.full((self.people, 1), np.sqrt(common))
        return _unit(np.hstack([shared, np.sqrt(1 - common) * _unit(own)]) @ self._turned())

    def _turned(self) -> NDArray[np.float64]:
        """A random rotation, which changes no similarity: ``(DIMENSION, DIMENSION)``."""
        turned: NDArray[np.float64] = np.linalg.qr(
            self._rng(3).standard_normal((DIMENSION, DIMENSION))
        )[0]
        return turned

    def videos(self, first: int = 0) -> Iterator[Video]:
        """The videos in order, from number `first`."""
        for number in range(first, -(-self.segments // self.video_segments)):
            yield self.video(number)

    def video(self, number: int) -> Video:
        rng = self._rng(1, number)
        size = min(self.video_segments, self.segments - number * self.video_segments)
        cast = rng.choice(self.people, min(VOICES, self.people), replace=False)
        speakers = rng.choice(cast, size)
        spans, seconds = _spans(rng, size)
        return Video(f"{PREFIX}{number}", spans, speakers, self.spoken(rng, speakers, seconds))

    def vectors(self) -> Matrix:
        """The vectors of all segments, in the order of the videos."""
        everything = np.empty((self.segments, DIMENSION), np.float32)
        for number, video in enumerate(self.videos()):
            start = number * self.video_segments
            everything[start : start + len(video.vectors)] = video.vectors
        return everything

    def exemplars(self, person: int) -> list[Exemplar]:
        """The clips of `EXEMPLAR_SECONDS` to enroll a person with."""
        rng, end = self._rng(2, person), round(EXEMPLAR_SECONDS * 1000)
        vectors = self.spoken(rng, np.full(EXEMPLARS, person), np.full(EXEMPLARS, EXEMPLAR_SECONDS))
        return [
            Exemplar(vector, f"{person:032x}{clip:032x}", SegmentKey(0, end), f"clip {clip}")
            for clip, vector in enumerate(vectors)
        ]

    def spoken(
        self, rng: np.random.Generator, speakers: NDArray[np.int64], seconds: NDArray[np.float64]
    ) -> Matrix:
        """Vectors of segments with these speakers and durations."""
        likeness = _sameness(seconds) + SAME_DEVIATION * np.sqrt(2) * rng.standard_normal(
            len(seconds)
        )
        likeness = likeness.clip(0.05, 0.98)[:, None]
        noise = _unit(rng.standard_normal((len(seconds), DIMENSION)))
        return _unit(np.sqrt(likeness) * self.voices[speakers] + np.sqrt(1 - likeness) * noise)

    def _rng(self, *what: int) -> np.random.Generator:
        return np.random.default_rng((self.seed, *what))


def name(person: int) -> str:
    """The name of an enrolled person."""
    return f"person {person}"


def _sameness(seconds: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """The mean similarity of two clips of one person with these seconds."""
    known = np.log(list(SAME_BY_SECONDS))
    likeness: NDArray[np.float64] = np.interp(
        np.log(seconds), known, list(SAME_BY_SECONDS.values())
    )
    return likeness


def _deviations() -> NDArray[np.float64]:
    """Falling standard deviations of voices by dimension, for a realistic spread of similarities.

    Similarities of directions in n equal dimensions have a deviation of sqrt(1 / n). Variances that
    fall by exp(-f) from one dimension to the next are equivalent to 2 / f equal dimensions.
    """
    spread = DIFFERENT_DEVIATION / (WHOLE - DIFFERENT)
    fall = 2 * spread**2
    deviations: NDArray[np.float64] = np.exp(-fall / 2 * np.arange(DIMENSION - 1))
    return deviations


def _spans(rng: np.random.Generator, size: int) -> tuple[list[SegmentKey], NDArray[np.float64]]:
    """Consecutive turns with pauses, on the grid, and their seconds."""
    seconds = rng.lognormal(np.log(MEDIAN), SPREAD, size).clip(SHORTEST, LONGEST)
    steps = np.round(seconds * 1000 / GRID_MS).astype(np.int64)
    ends = np.cumsum(steps + rng.integers(0, 10, size))
    return (
        [
            SegmentKey(int(end - step) * GRID_MS, int(end) * GRID_MS)
            for end, step in zip(ends, steps, strict=True)
        ],
        steps * GRID_MS / 1000,
    )


def _unit(rows: NDArray[np.floating]) -> Matrix:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: Matrix = (rows / lengths).astype(np.float32)
    return unit
