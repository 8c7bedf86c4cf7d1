"""Measures against their definitions, worked out by hand or by counting."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgvoice.store.thresholds import measures
from pgvoice.store.thresholds.measures import Floats, Searches

SCORES = st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=30).map(np.array)


def searches(*rows: tuple[float, float, bool, bool, int]) -> Searches:
    """Of (similarity, margin, right, enrolled, person)."""
    similarity, margin, right, enrolled, person = zip(*rows, strict=True)
    return Searches(
        np.array(similarity),
        np.array(margin),
        np.array(right),
        np.array(enrolled),
        np.array(person),
        np.full(len(rows), 1000),
    )


MIXED = searches(
    (0.9, 0.5, True, True, 0),
    (0.6, 0.0, True, True, 0),
    (0.8, 0.3, False, True, 1),
    (0.4, 0.3, True, True, 1),
    (0.5, 0.1, False, False, 2),
    (0.7, 0.2, False, False, 3),
)


def test_rates_follow_threshold_and_margin() -> None:
    assert measures.far(MIXED, 0.6) == 0.5
    assert measures.far(MIXED, 0.5) == 1
    assert measures.far(MIXED, 0.5, 0.15) == 0.5
    assert measures.identification_rate(MIXED, 0.6) == 0.5
    assert measures.identification_rate(MIXED, 0.6, 0.1) == 0.25
    assert measures.far(MIXED, np.array([0, 0, 0, 0, 0.6, 0.8])) == 0


def test_a_rate_of_nobody_is_no_number() -> None:
    assert np.isnan(measures.far(MIXED[MIXED.enrolled], 0))
    assert np.isnan(measures.identification_rate(MIXED[~MIXED.enrolled], 0))
    assert np.isnan(measures.dir_at_far(MIXED[MIXED.enrolled], 0.1))


def test_dir_at_far() -> None:
    assert measures.dir_at_far(MIXED, 0.0) == 0.25
    assert measures.dir_at_far(MIXED, 0.5) == 0.5
    assert measures.dir_at_far(MIXED, 1.0) == 0.75


def test_perfect_and_useless_scores() -> None:
    low, high = np.array([0.1, 0.2]), np.array([0.8, 0.9])
    assert measures.eer(high, low) == measures.min_dcf(high, low) == 0
    assert measures.eer(low, high) == measures.min_dcf(low, high) == 1
    assert np.isnan(measures.eer(low, np.array([])))


def test_eer_by_hand() -> None:
    same, different = np.array([0.3, 0.5, 0.6, 0.7]), np.array([0.1, 0.2, 0.3, 0.55])
    assert measures.eer(same, different) == 0.25


def test_min_dcf_by_hand() -> None:
    same, different = np.array([0.2, 0.6, 0.7, 0.8]), np.array([0.1, 0.3, 0.5, 0.65])
    # At .7 half of the right ones are missed and nothing is accepted wrongly.
    assert measures.min_dcf(same, different, 0.01) == pytest.approx(0.5)
    # At .6 a quarter of either: (.5 * .25 + .5 * .25) / .5.
    assert measures.min_dcf(same, different, 0.5) == pytest.approx(0.5)


@given(same=SCORES, different=SCORES, prior=st.floats(0.01, 0.99))
def test_rates_are_rates(same: Floats, different: Floats, prior: float) -> None:
    assert 0 <= measures.eer(same, different) <= 1
    assert 0 <= measures.min_dcf(same, different, prior) <= 1
    thresholds, false_alarms, misses = measures.error_rates(same, different)
    for place in (0, len(thresholds) // 2, len(thresholds) - 1):
        assert misses[place] == pytest.approx((same < thresholds[place]).mean())
        assert false_alarms[place] == pytest.approx((different >= thresholds[place]).mean())


def test_how_many_searches_can_tell_a_rate() -> None:
    assert measures.needed_searches(0.01) == 99
    assert measures.needed_searches(0.5) == 1


def test_few_people_are_few_values() -> None:
    rng = np.random.default_rng(0)
    people = np.repeat(np.arange(6), 100)
    alone = rng.normal(size=600)
    assert measures.effective_number(alone, people) > 200
    same = np.repeat(rng.normal(size=6), 100)
    assert measures.effective_number(same, people) == pytest.approx(5)
    between = measures.effective_number(same + alone, people)
    assert 5 < between < 30
    assert measures.effective_number(np.ones(600), people) == 600
    assert measures.effective_number(np.zeros(0), np.zeros(0, np.intp)) == 0


def test_rates_of_nothing_and_of_all_have_intervals() -> None:
    assert measures.rate_interval(0.0, 20) == pytest.approx((0, 0.161), abs=1e-3)
    assert measures.rate_interval(1.0, 20) == pytest.approx((0.839, 1), abs=1e-3)
    assert measures.rate_interval(0.5, 100) == pytest.approx((0.404, 0.596), abs=1e-3)
    assert measures.rate_interval(0.0, 20, 0.9).high < 0.161
    assert measures.rate_interval(0.3, 0.0) == (0, 1)


def test_the_interval_of_a_rate_covers_with_few_people() -> None:
    """Each person has a rate of their own; the rate of all people is .8."""
    rng = np.random.default_rng(1)
    people = np.repeat(np.arange(8), 50)
    covered = 0
    for _ in range(300):
        own = rng.beta(8, 2, 8)
        flags = (rng.random(400) < own[people]).astype(float)
        number = measures.effective_number(flags, people)
        low, high = measures.rate_interval(float(flags.mean()), number)
        covered += low <= 0.8 <= high
    assert covered >= 0.9 * 300


def test_impostors_are_pairs_of_people() -> None:
    found = measures.Impostors(
        np.zeros(5),
        np.array([0, 1, 0, 2, 0]),
        np.array([1, 0, 2, 3, 1]),
        np.full(5, 1000),
        4,
    )
    assert len(np.unique(found.directions)) == 4
    assert len(np.unique(found.pairs)) == 3
    assert found.without(np.array([1])).profile.tolist() == [2, 3]
