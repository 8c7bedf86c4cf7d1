"""Thresholds by duration, and a margin, for a false accept rate: arrays in, numbers out.

Long segments are more similar to their speaker's profile than short ones, so the same similarity
means more in a short segment. In each band of durations, the similarities of right answers and of
searches by people outside the gallery are modelled as normal distributions; the *evidence* of a
similarity is their log-likelihood ratio. All bands require the same evidence, and the threshold of
each follows from it. If the distributions are normal, no other thresholds per band give a higher
DIR at the same FAR (Neyman and Pearson 1933).

The required evidence is the lowest that meets the target FAR for searches like these. Because
people differ more than their searches do, it must also meet the target in 9 of 10 random draws of
the people.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pgvoice.store.thresholds import measures
from pgvoice.store.thresholds.measures import Flags, Floats, Indices, Searches

#: Margins to try.
MARGINS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3)
#: Share of the draws of people in which the target must be met.
SURENESS = 0.9
DRAWS = 200
#: Number of parts into which people are split to try margins.
PARTS = 5
#: Lower bound of standard deviations.
MIN_DEVIATION = 0.02
_GRID = np.linspace(-1, 1, 2001)


class NotApart(ValueError):
    """The right profile is not more similar than others are, on average."""


@dataclass(frozen=True, slots=True)
class Rule:
    """The thresholds by band of durations; a band ends where the next begins."""

    band_ms: tuple[int, ...]
    thresholds: tuple[float, ...]
    margin: float

    def answered(self, searches: Searches) -> Flags:
        """Which searches give a name, shape (searches,)."""
        places = bands(searches.duration_ms, self.band_ms)
        return searches.answered(np.array(self.thresholds)[places], self.margin)


def bands(duration_ms: NDArray[np.int64], band_ms: Sequence[int]) -> Indices:
    """The band of each duration, shape as `duration_ms`."""
    return np.searchsorted(np.array(band_ms), duration_ms, side="right") - 1


def tune(
    searches: Searches, band_ms: Sequence[int], target: float, generator: np.random.Generator
) -> Rule:
    """Thresholds and margin for a target FAR. Raises `NotApart`."""
    margin = _margin(searches, band_ms, target, generator)
    return fit(searches, band_ms, target, margin, generator)


def fit(
    searches: Searches,
    band_ms: Sequence[int],
    target: float,
    margin: float,
    generator: np.random.Generator,
) -> Rule:
    """Thresholds for a target FAR with this margin. Raises `NotApart`."""
    places = bands(searches.duration_ms, band_ms)
    curves = [_evidence(searches[places == band]) for band in range(len(band_ms))]
    outside = ~searches.enrolled
    found = searches[outside]
    evidence = np.array(
        [
            np.interp(similarity, _GRID, curves[place])
            for similarity, place in zip(found.similarity, places[outside], strict=True)
        ]
    )
    evidence[found.margin < margin] = -np.inf
    least = _least(evidence, found.person, target, generator)
    thresholds = [np.nextafter(np.interp(least, curve, _GRID), np.inf) for curve in curves]
    return Rule(tuple(band_ms), tuple(float(t) for t in thresholds), margin)


def _evidence(searches: Searches) -> Floats:
    """Log-likelihood ratio at each similarity of the grid; rises throughout.

    Beyond the two means it continues as a straight line, so that a similarity above the usual one
    of the right profile is never less evidence.
    """
    own = searches.similarity[searches.enrolled & searches.right]
    other = searches.similarity[~searches.enrolled]
    low, high = float(other.mean()), float(own.mean())
    if not high > low:
        raise NotApart(f"{high:.3f} is not above {low:.3f}")
    spread, own_spread = (max(float(x.std()), MIN_DEVIATION) for x in (other, own))
    inner = _GRID.clip(low, high)
    ratio = ((inner - low) / spread) ** 2 / 2 - ((inner - high) / own_spread) ** 2 / 2
    slope = np.where(inner < _GRID, (high - low) / spread**2, (high - low) / own_spread**2)
    curve: Floats = ratio + np.log(spread / own_spread) + slope * (_GRID - inner)
    return curve


def _least(
    evidence: Floats, person: Indices, target: float, generator: np.random.Generator
) -> float:
    """The evidence that searches from outside exceed at the target rate, in most draws."""
    people = np.unique(person)
    rows = [evidence[person == one] for one in people]
    drawn = [
        _exceeded(np.concatenate([rows[place] for place in places]), target)
        for places in generator.integers(len(rows), size=(DRAWS, len(rows)))
    ]
    usual = np.quantile(drawn, SURENESS, method="higher")
    return float(max(usual, _exceeded(evidence, target)))


def _exceeded(evidence: Floats, target: float) -> float:
    rank = max(int(np.floor(target * (len(evidence) + 1) + 1e-9)), 1)
    return float(np.partition(evidence, len(evidence) - rank)[len(evidence) - rank])


def _margin(
    searches: Searches, band_ms: Sequence[int], target: float, generator: np.random.Generator
) -> float:
    """The margin with the highest DIR on people left out; 0 if none is significantly better."""
    plain = _left_out(searches, band_ms, target, 0.0, generator)
    if plain is None:
        return 0.0
    allowed = max(target, _rate(plain, ~searches.enrolled))
    right = searches.enrolled & searches.right
    inside = np.flatnonzero(searches.enrolled)
    best, chosen = 0.0, 0.0
    for margin in MARGINS:
        answered = _left_out(searches, band_ms, target, margin, generator)
        if answered is None or _rate(answered, ~searches.enrolled) > allowed:
            continue
        gain = ((answered & right).astype(float) - (plain & right))[inside]
        if gain.mean() > best and _is_gain(gain, searches.person[inside], generator):
            best, chosen = float(gain.mean()), margin
    return chosen


def _is_gain(gain: Floats, person: Indices, generator: np.random.Generator) -> bool:
    interval = measures.bootstrap(
        lambda rows: float(gain[rows].mean()), person, generator, repetitions=DRAWS
    )
    return interval.low > 0


def _left_out(
    searches: Searches,
    band_ms: Sequence[int],
    target: float,
    margin: float,
    generator: np.random.Generator,
) -> Flags | None:
    """The searches that rules fitted without their people answer; None if there are too few."""
    person = searches.person
    people = np.unique(person)
    answered = np.zeros(len(searches), bool)
    for part in range(min(PARTS, len(people))):
        out = np.isin(person, people[part::PARTS])
        if weakest(searches[~out], band_ms, 2) is not None:
            return None
        try:
            rule = fit(searches[~out], band_ms, target, margin, generator)
        except NotApart:
            return None
        answered[out] = rule.answered(searches[out])
    return answered


def weakest(searches: Searches, band_ms: Sequence[int], least: int) -> int | None:
    """The first band with fewer than `least` right answers or searches from outside, if any."""
    places = bands(searches.duration_ms, band_ms)
    for flags in (searches.enrolled & searches.right, ~searches.enrolled):
        counts = np.bincount(places[flags], minlength=len(band_ms))
        if (counts < least).any():
            return int(np.argmax(counts < least))
    return None


def _rate(flags: Flags, among: Flags) -> float:
    return float(flags[among].mean()) if among.any() else 0.0
