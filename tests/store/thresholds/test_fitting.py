"""Thresholds by length that hold a false accept rate for people never met, on made-up scores."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest

from pgvoice.store.thresholds import fitting
from pgvoice.store.thresholds.fitting import Rule, Tail, fit, tail
from pgvoice.store.thresholds.measures import Impostors, Searches

MEAN, BETWEEN, WITHIN = 0.05, 0.09, 0.05


def impostors(people: int, each: int, rng: np.random.Generator, *, length: int = 1) -> Impostors:
    """Everybody with everybody else's profile; two people are alike in both directions."""
    alike = rng.normal(0, BETWEEN, (people, people))
    alike = np.triu(alike) + np.triu(alike, 1).T
    speaker, profile = (
        np.repeat(numbers, each) for numbers in np.nonzero(~np.eye(people, dtype=bool))
    )
    similarity = rng.normal(MEAN + alike[speaker, profile], WITHIN)
    duration_ms = np.tile(1000 * np.arange(length) + 500, len(speaker))[: len(speaker)]
    return Impostors(similarity, speaker, profile, duration_ms, people)


def far(threshold: float, gallery: int) -> float:
    """The FAR of strangers of the same kind, each compared with so many profiles."""
    z = (threshold - MEAN) / np.hypot(BETWEEN, WITHIN)
    accepted = 1 - NormalDist().cdf(z)
    return float(1 - (1 - accepted) ** gallery)


@pytest.mark.parametrize("people", [4, 5, 10])
@pytest.mark.parametrize("target", [0.01, 0.05])
def test_the_bound_covers_in_nineteen_of_twenty_draws(people: int, target: float) -> None:
    rng = np.random.default_rng(people)
    held = [
        far(tail(impostors(people, 20, rng)).threshold(target, people), people) <= target
        for _ in range(300)
    ]
    assert np.mean(held) >= 0.93


def test_more_people_make_lower_thresholds() -> None:
    rng = np.random.default_rng(0)
    few, many, most = (
        np.mean([tail(impostors(people, 20, rng)).threshold(0.01, 5) for _ in range(30)])
        for people in (5, 10, 40)
    )
    exact = MEAN + np.hypot(BETWEEN, WITHIN) * -NormalDist().inv_cdf(1 - 0.99 ** (1 / 5))
    assert few > many > most > exact
    assert most == pytest.approx(exact, abs=0.02)


def test_more_segments_of_the_same_people_make_none() -> None:
    one, other = (
        np.mean([tail(impostors(6, each, np.random.default_rng(n))).number for n in range(40)])
        for each in (50, 400)
    )
    assert one == pytest.approx(other, rel=0.1)
    assert 15 <= one < 25, "6 people are 15 pairs"


def test_who_speaks_more_does_not_count_more() -> None:
    found = impostors(6, 20, np.random.default_rng(3))
    loud = np.concatenate([np.arange(len(found)), *[np.flatnonzero(found.speaker == 0)] * 9])
    more = Impostors(
        found.similarity[loud], found.speaker[loud], found.profile[loud], found.duration_ms[loud], 6
    )
    assert tail(more).mean == pytest.approx(tail(found).mean)
    assert tail(more).deviation == pytest.approx(tail(found).deviation, rel=1e-3)


def test_a_larger_gallery_needs_a_higher_threshold() -> None:
    found = Tail(0.05, 0.1, 60.0, 45)
    thresholds = [found.threshold(0.01, gallery) for gallery in (1, 2, 4, 8, 16, 1000)]
    assert thresholds == sorted(thresholds)
    steps = np.diff(thresholds[:5])
    assert (steps > 0.02).all()
    assert (np.diff(steps) < 0).all()


def test_nothing_can_be_said_of_too_few() -> None:
    assert Tail(0.05, 0.1, 2.0, 2).threshold(0.01, 5) == float("inf")
    nobody = impostors(3, 1, np.random.default_rng(0)).without(np.arange(3))
    assert tail(nobody).threshold(0.01, 5) == float("inf")


def test_each_length_has_its_own_threshold() -> None:
    found = impostors(12, 20, np.random.default_rng(1), length=2)
    shifted = found.similarity + np.where(found.duration_ms > 1000, 0.2, 0.0)
    higher = Impostors(shifted, found.speaker, found.profile, found.duration_ms, found.people)
    low, high = fit(higher, (0, 1000), 0.01, 12).thresholds
    assert high == pytest.approx(low + 0.2, abs=0.03)


def test_a_rule_answers_by_length() -> None:
    rule = Rule((0, 2000), (0.5, 0.3), ())
    count = 4
    searches = Searches(
        np.array([0.4, 0.6, 0.4, 0.2]),
        np.zeros(count),
        np.ones(count, bool),
        np.ones(count, bool),
        np.arange(count),
        np.array([1999, 1999, 2000, 2000]),
    )
    assert rule.answered(searches).tolist() == [False, True, True, False]


def test_bands_begin_where_they_say() -> None:
    durations = np.array([0, 1999, 2000, 3999, 4000, 9000])
    assert fitting.bands(durations, (0, 2000, 4000)).tolist() == [0, 0, 1, 1, 2, 2]
