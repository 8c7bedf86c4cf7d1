"""Thresholds from a few people, and what they do for everybody else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pgvoice.store import CalibrationUnsupported
from pgvoice.store.thresholds import judging
from pgvoice.store.thresholds.measures import Floats, Interval
from pgvoice.store.thresholds.trials import Trials

#: The starts of the bands of `pgvoice calibrate`.
BAND_MS = (0, 2000, 4000)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody's profile, and other speech of theirs."""

    name: str
    #: Unit length; None if there is too little speech for a profile.
    profile: Floats | None
    #: Shape (segments, dimension), unit length.
    vectors: Floats
    #: Shape (segments,).
    duration_ms: NDArray[np.int64]


class Draw(NamedTuple):
    """A calibration on a few people, and what was measured on the others."""

    is_met: bool
    far_bound: float
    #: Of the others, in the gallery of the few.
    far: float
    dir_interval: Interval
    #: Of the others, in galleries of as many of them; NaN if there are too few for one.
    dir: float

    @property
    def is_far_covered(self) -> bool:
        """Whether the interval from 0 to the bound contains the measured FAR."""
        return self.far <= self.far_bound

    @property
    def is_dir_covered(self) -> bool:
        """Whether the interval contains the measured DIR."""
        return self.dir_interval.low <= self.dir <= self.dir_interval.high


def draws(
    people: Sequence[Person],
    few: int,
    target: float,
    count: int,
    rng: np.random.Generator,
    others: Sequence[Person] | None = None,
) -> Iterator[Draw | None]:
    """Calibrate on random people and measure on the rest, so many times; None for a refusal.

    With `others`, people of the same names are measured in other recordings of theirs.
    """
    able = [place for place, one in enumerate(people) if one.profile is not None]
    for _ in range(count):
        chosen = [people[place] for place in rng.permutation(able)[:few]]
        names = {one.name for one in chosen}
        rest = [one for one in others or people if one.name not in names]
        yield _draw(chosen, [rest[place] for place in rng.permutation(len(rest))], target)


def _draw(chosen: Sequence[Person], rest: Sequence[Person], target: float) -> Draw | None:
    try:
        found = judging.calibrated(trials(chosen, chosen), BAND_MS, target)
    except CalibrationUnsupported:
        return None
    outside = trials(chosen, rest).searches()
    right = [np.zeros(0, bool)]
    able = [one for one in rest if one.profile is not None]
    for start in range(0, len(able) - len(chosen) + 1, len(chosen)):
        gallery = able[start : start + len(chosen)]
        inside = trials(gallery, gallery).searches()
        inside = inside[inside.enrolled]
        right.append(found.rule.answered(inside) & inside.right)
    named = np.concatenate(right)
    return Draw(
        found.far_bound <= target,
        found.far_bound,
        float(found.rule.answered(outside).mean()),
        found.figures.dir_interval,
        float(named.mean()) if len(named) else float("nan"),
    )


def trials(gallery: Sequence[Person], speakers: Sequence[Person]) -> Trials:
    """The speech of `speakers`, compared with the profiles of `gallery`."""
    profiles = np.array([one.profile for one in gallery])
    names = [one.name for one in gallery]
    own = [names.index(one.name) if one.name in names else -1 for one in speakers]
    counts = [len(one.vectors) for one in speakers]
    return Trials(
        np.concatenate([one.vectors @ profiles.T for one in speakers]),
        np.repeat(own, counts),
        np.concatenate([one.duration_ms for one in speakers]),
        np.repeat(np.arange(len(speakers)), counts),
        tuple(one.name for one in speakers),
    )
