"""Thresholds by duration that hold a false accept rate for other people: arrays in, numbers out.

What people's segments score with somebody else's profile is close to normally distributed (CAM++ on
LibriSpeech, clean and through simulated rooms: skewness .1 to .2, kurtosis 2.9 to 3.2), so its tail
follows from a mean and a deviation, which few people suffice to estimate. The effective number of
comparisons says how well: those of the same two people, in either direction, have most of their
deviation in common (Kish 1965, Survey Sampling, section 5.4). Every threshold lies so high that the
target is met with `CONFIDENCE`, given that number. So whoever speaks much does not count more than
others, and few people lead to high thresholds.

There is no margin: on LibriSpeech, the same in simulated rooms, and digits at 8 kHz, none from .02
to .3 raised DIR by more than .2 points at the same FAR, in galleries of 3 to 16.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from pgvoice.store.thresholds.measures import Flags, Impostors, Indices, Searches

#: How sure it is that FAR is at most the bound.
CONFIDENCE = 0.95
#: Lower bound of standard deviations.
MIN_DEVIATION = 0.02
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Tail:
    """How similar people are to the profiles of others: a normal distribution."""

    mean: float
    deviation: float
    #: How many independent comparisons would estimate it as well.
    number: float
    #: How many pairs of people were compared.
    pairs: int

    def threshold(self, far: float, gallery: int) -> float:
        """The threshold with which this is the bound of FAR; infinite if no threshold suffices."""
        z, sure = _deviates(far, gallery), _NORMAL.inv_cdf(CONFIDENCE)
        scale = 1 - sure**2 / (2 * (self.number - 1)) if self.number > 1 else 0.0
        if scale <= 0:
            return float("inf")
        # A one-sided tolerance limit (Natrella 1963; NIST/SEMATECH e-Handbook, 7.2.6.3): the
        # larger k with (k - z)² = sure² · (1 / number + k² / (2 (number - 1))).
        root = z**2 - scale * (z**2 - sure**2 / self.number)
        return self.mean + self.deviation * (z + float(np.sqrt(root))) / scale


@dataclass(frozen=True, slots=True)
class Rule:
    """The thresholds by band of durations; a band ends where the next begins."""

    band_ms: tuple[int, ...]
    thresholds: tuple[float, ...]
    tails: tuple[Tail, ...]

    def answered(self, searches: Searches) -> Flags:
        """Which searches give a name, shape (searches,)."""
        places = bands(searches.duration_ms, self.band_ms)
        return searches.answered(np.array(self.thresholds)[places])


def bands(duration_ms: NDArray[np.int64], band_ms: Sequence[int]) -> Indices:
    """The band of each duration, shape as `duration_ms`."""
    return np.searchsorted(np.array(band_ms), duration_ms, side="right") - 1


def fit(impostors: Impostors, band_ms: Sequence[int], far: float, gallery: int) -> Rule:
    """The thresholds with which `far` is the bound of FAR in every band, for this many profiles."""
    places = bands(impostors.duration_ms, band_ms)
    tails = tuple(tail(impostors[places == band]) for band in range(len(band_ms)))
    return Rule(tuple(band_ms), tuple(one.threshold(far, gallery) for one in tails), tails)


def tail(impostors: Impostors) -> Tail:
    """The distribution of these comparisons, in which each pair of people counts once."""
    pairs = len(np.unique(impostors.pairs))
    if pairs < 2:
        return Tail(0.0, MIN_DEVIATION, 0.0, pairs)
    _, place, counts = np.unique(impostors.directions, return_inverse=True, return_counts=True)
    means, squares = (
        np.bincount(place, weights=values) / counts
        for values in (impostors.similarity, impostors.similarity**2)
    )
    mean = float(means.mean())
    of_mean = float(means.var()) / (pairs - 1)
    whole = max(float(squares.mean()) - mean**2 + of_mean, MIN_DEVIATION**2)
    number = whole / max(of_mean, whole / len(impostors))
    return Tail(mean, float(np.sqrt(whole)), number, pairs)


def _deviates(far: float, gallery: int) -> float:
    """The deviations from the mean that one of so many profiles exceeds at this rate."""
    return -_NORMAL.inv_cdf(-float(np.expm1(np.log1p(-far) / gallery)))
