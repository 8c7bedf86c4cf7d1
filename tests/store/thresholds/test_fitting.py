"""Thresholds by length for a false accept rate, and when there is a margin, on made-up scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from pgvoice_testkit.single_threshold import threshold_at_far

from pgvoice.store.thresholds import fitting
from pgvoice.store.thresholds.fitting import NotApart, fit, tune
from pgvoice.store.thresholds.measures import Searches

PEOPLE, EACH = 40, 30


def searches(
    own: Sequence[float],
    other: Sequence[float],
    *,
    leads: tuple[float, float] = (0.5, 0.5),
    seed: int = 0,
) -> Searches:
    """Searches by people of the gallery and by others, with these mean similarities by length."""
    rng = np.random.default_rng(seed)
    person = np.tile(np.repeat(np.arange(PEOPLE), EACH), 2)
    enrolled = np.repeat([True, False], PEOPLE * EACH)
    seconds = np.tile(np.arange(len(own)), len(person))[: len(person)]
    similarity = rng.normal(
        np.where(enrolled, np.array(own)[seconds], np.array(other)[seconds]), 0.1
    )
    lead = np.abs(rng.normal(np.where(enrolled, *leads), 0.05))
    return Searches(similarity, lead, enrolled, enrolled, person, seconds * 1000 + 500)


def test_the_target_is_held_for_others() -> None:
    tuned, others = (searches([0.6, 0.9], [0.2, 0.2], seed=seed) for seed in (1, 2))
    rule = fit(tuned, (0, 1000), 0.05, 0.0, np.random.default_rng(0))
    rate = rule.answered(others)[~others.enrolled].mean()
    assert 0.02 < rate <= 0.05


def test_what_is_expected_to_be_nearer_has_to_be() -> None:
    rule = fit(searches([0.5, 0.9], [0.2, 0.2]), (0, 1000), 0.05, 0.0, np.random.default_rng(0))
    assert rule.thresholds[1] > rule.thresholds[0] + 0.1


def test_bands_find_more_than_one_threshold_does() -> None:
    tuned, others = (searches([0.4, 0.9], [0.2, 0.2], seed=seed) for seed in (1, 2))
    found, rates = [], []
    for band_ms in ((0, 1000), (0,)):
        answered = fit(tuned, band_ms, 0.02, 0.0, np.random.default_rng(0)).answered(others)
        found.append(answered[others.enrolled].mean())
        rates.append(answered[~others.enrolled].mean())
    assert found[0] > found[1] + 0.03
    assert max(rates) <= 0.02


def test_few_people_make_careful_thresholds() -> None:
    rng = np.random.default_rng(0)
    whole = searches([0.9], [0.2])
    shifted = whole.similarity + np.where(
        whole.enrolled, 0, rng.normal(0, 0.1, PEOPLE)[whole.person]
    )
    alike = fit(replace(whole, similarity=shifted), (0,), 0.05, 0.0, rng).thresholds[0]
    plain = threshold_at_far(shifted[~whole.enrolled], 0.05)
    assert alike > plain


def test_a_margin_where_others_do_not_lead() -> None:
    rule = tune(searches([0.6], [0.55], leads=(0.5, 0.02)), (0,), 0.05, np.random.default_rng(0))
    assert rule.margin > 0.05
    plain = fit(
        searches([0.6], [0.55], leads=(0.5, 0.02)), (0,), 0.05, 0.0, np.random.default_rng(0)
    )
    held = searches([0.6], [0.55], leads=(0.5, 0.02), seed=3)
    inside = held.enrolled
    assert rule.answered(held)[inside].mean() > 2 * plain.answered(held)[inside].mean()
    assert rule.answered(held)[~inside].mean() <= 0.05


def test_no_margin_where_others_lead_as_much() -> None:
    rule = tune(searches([0.6], [0.3]), (0,), 0.05, np.random.default_rng(0))
    assert rule.margin == 0


def test_a_margin_that_cannot_be_tried_is_none() -> None:
    found = searches([0.6], [0.3])
    one = found[found.person == 0]
    assert tune(one, (0,), 0.1, np.random.default_rng(0)).margin == 0


def test_others_as_near_as_the_right_ones() -> None:
    with pytest.raises(NotApart):
        fit(searches([0.2], [0.3]), (0,), 0.05, 0.0, np.random.default_rng(0))


def test_bands_begin_where_they_say() -> None:
    durations = np.array([0, 1999, 2000, 3999, 4000, 9000])
    assert fitting.bands(durations, (0, 2000, 4000)).tolist() == [0, 0, 1, 1, 2, 2]
