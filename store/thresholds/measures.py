"""How well people are told apart and named: EER, minDCF, DIR, FAR; arrays in, numbers out.

A *comparison* is between one segment and one profile. A *search* compares one segment with the
whole gallery of profiles: its answer is the nearest person if their similarity reaches the
threshold and their lead over the second reaches the margin. FAR, the false positive identification
rate of ISO/IEC 19795-1, is the share of searches by people outside the gallery that get an answer.
DIR, the true positive identification rate, is the share of searches by people in the gallery that
get the right answer.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Indices = NDArray[np.intp]

#: Prior of the right profile for `min_dcf`, as in NIST's evaluations since 2016.
PRIOR = 0.01


class Interval(NamedTuple):
    """A confidence interval."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Searches:
    """Searches of one gallery; all arrays have the shape (searches,)."""

    #: Similarity of the nearest profile.
    similarity: Floats
    #: `similarity` minus that of the second; infinite if there is no second profile.
    margin: Floats
    #: Whether the nearest profile is the speaker's own.
    right: Flags
    #: Whether the speaker is in the gallery.
    enrolled: Flags
    #: Who speaks, as an arbitrary number.
    person: Indices
    #: How long the segments are.
    duration_ms: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.similarity)

    def __getitem__(self, chosen: Flags | Indices) -> Searches:
        """The entries of a mask, or at indices, shape (chosen,)."""
        return Searches(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def answered(self, threshold: float | Floats, margin: float | Floats = 0.0) -> Flags:
        """Which searches get an answer; threshold and margin are one number, or one per search."""
        flags: Flags = (self.similarity >= threshold) & (self.margin >= margin)
        return flags


@dataclass(frozen=True, slots=True)
class Impostors:
    """Comparisons of people with others' profiles; all arrays have the shape (comparisons,)."""

    similarity: Floats
    #: Who speaks, and whose profile it is, as numbers below `people`.
    speaker: Indices
    profile: Indices
    duration_ms: NDArray[np.int64]
    people: int

    def __len__(self) -> int:
        return len(self.similarity)

    def __getitem__(self, chosen: Flags) -> Impostors:
        """The entries of a mask, shape (comparisons,)."""
        return Impostors(
            self.similarity[chosen],
            self.speaker[chosen],
            self.profile[chosen],
            self.duration_ms[chosen],
            self.people,
        )

    @property
    def directions(self) -> Indices:
        """A number for each pair of a speaker and a profile, shape (comparisons,)."""
        return self.speaker * self.people + self.profile

    @property
    def pairs(self) -> Indices:
        """A number for each two people, whoever of them speaks, shape (comparisons,)."""
        lower = np.minimum(self.speaker, self.profile)
        return lower * self.people + np.maximum(self.speaker, self.profile)

    def without(self, people: Indices) -> Impostors:
        """The comparisons in which none of these people takes part."""
        return self[~(np.isin(self.speaker, people) | np.isin(self.profile, people))]


def far(searches: Searches, threshold: float | Floats, margin: float | Floats = 0.0) -> float:
    """The share of searches by people outside the gallery that get an answer; NaN for none."""
    return _share(searches.answered(threshold, margin), ~searches.enrolled)


def identification_rate(
    searches: Searches, threshold: float | Floats, margin: float | Floats = 0.0
) -> float:
    """DIR: the share of searches by people in the gallery that get their name; NaN for none."""
    return _share(searches.answered(threshold, margin) & searches.right, searches.enrolled)


def needed_searches(target: float) -> int:
    """How many searches by people outside it takes, at least, to find a threshold for this FAR."""
    return int(np.ceil(1 / target - 1e-9)) - 1


def dir_at_far(searches: Searches, target: float) -> float:
    """DIR at the threshold that gives these same searches at most this FAR, without margin.

    Meant for curves. NaN if all searches are by people in the gallery.
    """
    outside = np.sort(searches.similarity[~searches.enrolled])
    if not len(outside):
        return float("nan")
    allowed = int(np.floor(target * len(outside) + 1e-9))
    threshold = -np.inf if allowed >= len(outside) else np.nextafter(outside[-allowed - 1], np.inf)
    return identification_rate(searches, float(threshold))


def error_rates(same: Floats, different: Floats) -> tuple[Floats, Floats, Floats]:
    """Thresholds with their false alarm and miss rates, each of shape (thresholds,).

    `same`, shape (n,), are similarities to the right profile, `different`, shape (m,), to wrong
    ones. Thresholds rise; the first accepts everything, the last is infinite and accepts nothing.
    """
    thresholds = np.append(np.unique(np.concatenate([same, different])), np.inf)
    misses = np.searchsorted(np.sort(same), thresholds) / len(same)
    false_alarms = 1 - np.searchsorted(np.sort(different), thresholds) / len(different)
    return thresholds, false_alarms, misses


def eer(same: Floats, different: Floats) -> float:
    """Equal error rate: where false alarms are as frequent as misses, by linear interpolation.

    Shapes as in `error_rates`; NaN if either is empty.
    """
    if not len(same) or not len(different):
        return float("nan")
    _, false_alarms, misses = error_rates(same, different)
    gap = misses - false_alarms
    after = int(np.argmax(gap >= 0))
    if after == 0 or gap[after] == 0:
        return float(misses[after])
    share = -gap[after - 1] / (gap[after] - gap[after - 1])
    return float(misses[after - 1] + share * (misses[after] - misses[after - 1]))


def min_dcf(same: Floats, different: Floats, prior: float = PRIOR) -> float:
    """Minimum detection cost over all thresholds, for this prior of the right profile.

    ``(prior * misses + (1 - prior) * false alarms) / min(prior, 1 - prior)``, with a cost of 1 for
    both errors: NIST 2016 Speaker Recognition Evaluation Plan, section 3. Shapes as in
    `error_rates`; NaN if either is empty.
    """
    if not len(same) or not len(different):
        return float("nan")
    _, false_alarms, misses = error_rates(same, different)
    cost = prior * misses + (1 - prior) * false_alarms
    return float(cost.min() / min(prior, 1 - prior))


def effective_number(values: Floats, people: Indices) -> float:
    """How many independent values would tell the mean as well as these of few people do.

    Both have the shape (n,). It is n at most, 1 at least, and follows from the share of the
    variance that is between people (Kish 1965, Survey Sampling, section 5.4); 0 for no values.
    """
    if not len(values):
        return 0.0
    _, owner, counts = np.unique(people, return_inverse=True, return_counts=True)
    means = np.bincount(owner, weights=values) / counts
    between = float(means.var(ddof=1)) if len(means) > 1 else float("inf")
    whole = float(values.var())
    if between <= whole * len(means) / len(values):
        return float(len(values))
    return max(len(means) * whole / between, 1.0)


def rate_interval(rate: float, number: float, confidence: float = 0.95) -> Interval:
    """The interval of a rate among so many independent searches, which may be a fraction.

    Wilson's (1927), which is wider than a point for a rate of 0 or 1. From 0 to 1 for no searches.
    """
    if not number:
        return Interval(0.0, 1.0)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    middle = (rate + z**2 / (2 * number)) / (1 + z**2 / number)
    half = z * np.sqrt(rate * (1 - rate) / number + (z / (2 * number)) ** 2) / (1 + z**2 / number)
    return Interval(max(float(middle - half), 0.0), min(float(middle + half), 1.0))


def _share(flags: Flags, among: Flags) -> float:
    return float(flags[among].mean()) if among.any() else float("nan")
