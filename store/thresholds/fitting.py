"""Thresholds by duration, and a margin, for a false accept rate: arrays in, numbers out.

A long segment's own profile is nearer than a short one's, and what one may expect decides how much
a similarity tells. In each band of durations the similarities of right answers and of searches by
people outside of the gallery are taken as normally distributed; their log-likelihood ratio is the
*evidence* of a similarity. One least evidence holds for all durations, and in each band a threshold
follows from it. Among all thresholds by band these give the highest DIR for their FAR (Neyman and
Pearson 1933), as far as the distributions are normal.

The least evidence is the lowest that holds the target for searches like these; and as people differ
more than their searches do, it is taken so high that this is so in 9 of 10 draws of the people.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pgvoice.store.thresholds import measures
from pgvoice.store.thresholds.measures import Flags, Floats, Indices, Searches

#: Margins that are tried.
MARGINS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3)
#: In so many of the draws of people the target is held.
SURENESS = 0.9
DRAWS = 200
#: Parts that people are split in to try margins.
PARTS = 5
#: Standard deviations are not taken for smaller.
MIN_DEVIATION = 0.02
_GRID = np.linspace(-1, 1, 2001)


class NotApart(ValueError):
    """The right profile is not more similar than others are."""


@dataclass(frozen=True, slots=True)
class Material:
    """Searches and how long their segments are."""

    searches: Searches
    #: Shape (searches,).
    duration_ms: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.searches)

    def __getitem__(self, chosen: Flags | Indices) -> Material:
        """Those of a mask, or of indices."""
        return Material(self.searches[chosen], self.duration_ms[chosen])


@dataclass(frozen=True, slots=True)
class Rule:
    """What is required in each band of durations; a band ends where the next begins."""

    band_ms: tuple[int, ...]
    thresholds: tuple[float, ...]
    margin: float

    def answered(self, material: Material) -> Flags:
        """Which searches give a name, shape (searches,)."""
        places = bands(material.duration_ms, self.band_ms)
        return material.searches.answered(np.array(self.thresholds)[places], self.margin)


def bands(duration_ms: NDArray[np.int64], band_ms: Sequence[int]) -> Indices:
    """The band of each duration, shape as `duration_ms`."""
    return np.searchsorted(np.array(band_ms), duration_ms, side="right") - 1


def tune(
    material: Material, band_ms: Sequence[int], target: float, generator: np.random.Generator
) -> Rule:
    """Thresholds and margin for a target FAR. Raises `NotApart`."""
    margin = _margin(material, band_ms, target, generator)
    return fit(material, band_ms, target, margin, generator)


def fit(
    material: Material,
    band_ms: Sequence[int],
    target: float,
    margin: float,
    generator: np.random.Generator,
) -> Rule:
    """Thresholds for a target FAR with this margin. Raises `NotApart`."""
    places = bands(material.duration_ms, band_ms)
    curves = [_evidence(material.searches[places == band]) for band in range(len(band_ms))]
    outside = ~material.searches.enrolled
    found = material.searches[outside]
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

    Beyond the two means it goes on as a straight line: what is nearer than the own profile usually
    is, is no less evidence.
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
    """The evidence that a search from outside exceeds this rarely, in most draws of the people."""
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
    material: Material, band_ms: Sequence[int], target: float, generator: np.random.Generator
) -> float:
    """The margin with the highest DIR on people left out; 0 where none is surely better."""
    searches = material.searches
    plain = _left_out(material, band_ms, target, 0.0, generator)
    if plain is None:
        return 0.0
    allowed = max(target, _rate(plain, ~searches.enrolled))
    right = searches.enrolled & searches.right
    inside = np.flatnonzero(searches.enrolled)
    best, chosen = 0.0, 0.0
    for margin in MARGINS:
        answered = _left_out(material, band_ms, target, margin, generator)
        if answered is None or _rate(answered, ~searches.enrolled) > allowed:
            continue
        gain = ((answered & right).astype(float) - (plain & right))[inside]
        if gain.mean() > best and _surely_positive(gain, searches.person[inside], generator):
            best, chosen = float(gain.mean()), margin
    return chosen


def _surely_positive(gain: Floats, person: Indices, generator: np.random.Generator) -> bool:
    interval = measures.bootstrap(
        lambda rows: float(gain[rows].mean()), person, generator, repetitions=DRAWS
    )
    return interval.low > 0


def _left_out(
    material: Material,
    band_ms: Sequence[int],
    target: float,
    margin: float,
    generator: np.random.Generator,
) -> Flags | None:
    """Which searches are answered by what was fitted without their people; None for too few."""
    person = material.searches.person
    people = np.unique(person)
    answered = np.zeros(len(material), bool)
    for part in range(min(PARTS, len(people))):
        out = np.isin(person, people[part::PARTS])
        if not supported(material[~out], band_ms, 2):
            return None
        try:
            rule = fit(material[~out], band_ms, target, margin, generator)
        except NotApart:
            return None
        answered[out] = rule.answered(material[out])
    return answered


def supported(material: Material, band_ms: Sequence[int], least: int) -> bool:
    """Whether every band has so many right answers and so many searches from outside."""
    return weakest(material, band_ms, least) is None


def weakest(material: Material, band_ms: Sequence[int], least: int) -> int | None:
    """The first band that has fewer; None where all have enough."""
    places = bands(material.duration_ms, band_ms)
    searches = material.searches
    for flags in (searches.enrolled & searches.right, ~searches.enrolled):
        counts = np.bincount(places[flags], minlength=len(band_ms))
        if (counts < least).any():
            return int(np.argmax(counts < least))
    return None


def _rate(flags: Flags, among: Flags) -> float:
    return float(flags[among].mean()) if among.any() else 0.0
