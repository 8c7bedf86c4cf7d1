"""How well people are told apart and named: EER, minDCF, DIR, FAR; arrays in, numbers out.

A *comparison* is one segment with one profile. A *search* is one segment with the whole gallery of
profiles: it is answered with the nearest person where their similarity reaches the threshold, and
their lead over the second one the margin. Searches by people who are not in the gallery should find
nobody: FAR, the false positive identification rate of ISO/IEC 19795-1, is the share that does. DIR,
the true positive identification rate, is the share of searches by people of the gallery that is
answered, and with the right name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Indices = NDArray[np.intp]

#: Prior of a comparison with the right profile for `min_dcf`, as in NIST's evaluations since 2016.
PRIOR = 0.01


class Interval(NamedTuple):
    """A confidence interval."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Searches:
    """Searches of one gallery, an entry each; all arrays have the shape (searches,)."""

    #: Of the nearest profile.
    similarity: Floats
    #: `similarity` less that of the second; infinite where there is no second profile.
    margin: Floats
    #: Whether the nearest profile is the speaker's own.
    right: Flags
    #: Whether the speaker is in the gallery that was searched.
    enrolled: Flags
    #: Who speaks, as a number that means nothing else.
    person: Indices

    def __len__(self) -> int:
        return len(self.similarity)

    def __getitem__(self, chosen: Flags | Indices) -> Searches:
        """Those of a mask, or of indices, shape (chosen,)."""
        return Searches(
            self.similarity[chosen],
            self.margin[chosen],
            self.right[chosen],
            self.enrolled[chosen],
            self.person[chosen],
        )

    def answered(self, threshold: float | Floats, margin: float | Floats = 0.0) -> Flags:
        """Which searches give a name; threshold and margin are numbers, or one for each search."""
        flags: Flags = (self.similarity >= threshold) & (self.margin >= margin)
        return flags


def far(searches: Searches, threshold: float | Floats, margin: float | Floats = 0.0) -> float:
    """The share of searches by people outside of the gallery that give a name; NaN for none."""
    return _share(searches.answered(threshold, margin), ~searches.enrolled)


def identification_rate(
    searches: Searches, threshold: float | Floats, margin: float | Floats = 0.0
) -> float:
    """DIR: the share of searches by people of the gallery that give their name; NaN for none."""
    return _share(searches.answered(threshold, margin) & searches.right, searches.enrolled)


def rank_one_rate(searches: Searches) -> float:
    """The share of searches by people of the gallery whose own profile is first; NaN for none."""
    return _share(searches.right, searches.enrolled)


def threshold_at_far(similarity: Floats, target: float) -> float:
    """The lowest threshold at which a further search by somebody outside gives a name this rarely.

    `similarity`, shape (searches,), are the best similarities of searches by people outside of the
    gallery. Just above the k-th highest of n another one of the same kind comes with probability
    k / (n + 1), whatever the distribution; k is the greatest for which that is at most `target`.
    Raises `ValueError` for fewer than 1 / `target` - 1 searches.
    """
    rank = int(np.floor(target * (len(similarity) + 1) + 1e-9))
    if rank < 1:
        raise ValueError(
            f"{len(similarity)} searches cannot tell a rate of {target:g}:"
            f" {needed_searches(target)} are needed"
        )
    highest = np.sort(similarity)[-rank]
    return float(np.nextafter(highest, np.inf))


def needed_searches(target: float) -> int:
    """How many searches `threshold_at_far` needs at the least."""
    return int(np.ceil(1 / target - 1e-9)) - 1


def dir_at_far(searches: Searches, target: float) -> float:
    """DIR with the one threshold that gives these very searches at most this FAR, without margin.

    For curves: threshold and rates are of the same searches. NaN where nobody is outside.
    """
    outside = np.sort(searches.similarity[~searches.enrolled])
    if not len(outside):
        return float("nan")
    allowed = int(np.floor(target * len(outside) + 1e-9))
    threshold = -np.inf if allowed >= len(outside) else np.nextafter(outside[-allowed - 1], np.inf)
    return identification_rate(searches, float(threshold))


def error_rates(same: Floats, different: Floats) -> tuple[Floats, Floats, Floats]:
    """Thresholds, and at each the false alarm rate and the miss rate; shape (thresholds,) each.

    `same`, shape (n,), are similarities to the right profile, `different`, shape (m,), to wrong
    ones. Thresholds rise; the first accepts everything, the last, which is infinite, nothing.
    """
    thresholds = np.append(np.unique(np.concatenate([same, different])), np.inf)
    misses = np.searchsorted(np.sort(same), thresholds) / len(same)
    false_alarms = 1 - np.searchsorted(np.sort(different), thresholds) / len(different)
    return thresholds, false_alarms, misses


def eer(same: Floats, different: Floats) -> float:
    """Equal error rate: where false alarms are as frequent as misses, on a line between points.

    Shapes as in `error_rates`; NaN where one of both is empty.
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
    """Least detection cost over all thresholds, for this prior of the right profile.

    ``(prior * misses + (1 - prior) * false alarms) / min(prior, 1 - prior)``, both errors at a
    cost of 1: NIST 2016 Speaker Recognition Evaluation Plan, section 3. Shapes as in
    `error_rates`; NaN where one of both is empty.
    """
    if not len(same) or not len(different):
        return float("nan")
    _, false_alarms, misses = error_rates(same, different)
    cost = prior * misses + (1 - prior) * false_alarms
    return float(cost.min() / min(prior, 1 - prior))


def bootstrap(
    statistic: Callable[[Indices], float],
    people: Indices,
    generator: np.random.Generator,
    *,
    repetitions: int = 1000,
    level: float = 0.95,
) -> Interval:
    """Confidence interval of a statistic, by drawing people with replacement, not their searches.

    `people`, shape (n,), says whose each entry is; `statistic` takes indices into it, shape (m,),
    and may give NaN for a draw that it cannot judge. Percentiles of the repetitions (Efron and
    Tibshirani 1993, chapter 13): a rate of 0 has the interval from 0 to 0, however few there are.
    """
    _, owner = np.unique(people, return_inverse=True)
    rows = [np.flatnonzero(owner == person) for person in range(owner.max(initial=-1) + 1)]
    if not rows:
        return Interval(float("nan"), float("nan"))
    values = [
        statistic(np.concatenate([rows[person] for person in drawn]))
        for drawn in generator.integers(len(rows), size=(repetitions, len(rows)))
    ]
    judged = np.array(values)[~np.isnan(values)]
    if not len(judged):
        return Interval(float("nan"), float("nan"))
    low, high = np.quantile(judged, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))


def _share(flags: Flags, among: Flags) -> float:
    return float(flags[among].mean()) if among.any() else float("nan")
