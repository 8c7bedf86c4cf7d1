"""FAR and DIR of trials, with intervals, and the best fixed threshold in hindsight."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pgvoice_benchmarks.naming.trials import Flags, Trials

#: Draws of people and galleries for an interval, and its level.
REPETITIONS, LEVEL = 1000, 0.95
NAN = float("nan")


class Rate(NamedTuple):
    """A share of speech, and its interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        if np.isnan(self.value):
            return "-"
        return f"{self.value:.1%} ({self.low:.1%} to {self.high:.1%})".replace("%", " %")


def rate(trials: Trials, flags: Flags, among: Flags) -> Rate:
    """The share of `among` that has `flags`.

    The interval is a percentile bootstrap over people and over galleries: a person's speech, and a
    gallery's answers, are drawn with replacement as a whole.
    """
    if not among.any():
        return Rate(NAN, NAN, NAN)
    weight = trials.weight[among]
    _, person = np.unique(trials.person[among], return_inverse=True)
    _, draw = np.unique(trials.draw[among], return_inverse=True)
    size = (int(draw.max()) + 1, int(person.max()) + 1)
    total, hit = np.zeros(size), np.zeros(size)
    np.add.at(total, (draw, person), weight)
    np.add.at(hit, (draw, person), weight * flags[among])
    rng = np.random.default_rng(0)
    rows = rng.multinomial(size[0], np.full(size[0], 1 / size[0]), REPETITIONS)
    columns = rng.multinomial(size[1], np.full(size[1], 1 / size[1]), REPETITIONS)
    below = ((rows @ total) * columns).sum(1)
    above = ((rows @ hit) * columns).sum(1)
    low, high = np.quantile(above[below > 0] / below[below > 0], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Rate(float(hit.sum() / total.sum()), float(low), float(high))


def far(trials: Trials, named: Flags, among: Flags) -> Rate:
    """The share of strangers' speech that gets a name."""
    return rate(trials, named, among & trials.stranger)


def dir_(trials: Trials, named: Flags, among: Flags) -> Rate:
    """The share of enrolled people's speech that gets the right name."""
    return rate(trials, named & trials.right, among & trials.known)


def wrong(trials: Trials, named: Flags, among: Flags) -> Rate:
    """The share of enrolled people's speech that gets somebody else's name."""
    return rate(trials, named & ~trials.right, among & trials.known)


def best_fixed(trials: Trials, target: float) -> float:
    """The lowest threshold at which FAR of these trials' windows is at most `target`."""
    outside = np.sort(trials.similarity[trials.stranger & trials.window])[::-1]
    if not len(outside):
        return NAN
    allowed = int(target * len(outside) + 1e-9)
    return float(np.nextafter(outside[allowed], np.inf))


def hardest(trials: Trials, named: Flags) -> tuple[str, float]:
    """The enrolled person whose name strangers get most, and the share of their speech."""
    outside = trials.stranger & trials.window
    worst, share = "", NAN
    for person in np.unique(trials.nearest[outside]):
        draws = _draws_with(trials, str(person))
        among = outside & draws
        if among.any():
            given = float((named & (trials.nearest == person))[among].mean())
            if not given <= share:
                worst, share = str(person), given
    return worst, share


def _draws_with(trials: Trials, person: str) -> NDArray[np.bool_]:
    """Trials of galleries that have this person: those in which somebody was nearest to them."""
    return np.isin(trials.draw, np.unique(trials.draw[trials.nearest == person]))
