"""The core of the benchmark of calibrations on few people, on made-up voices."""

from __future__ import annotations

import numpy as np
from pgvoice_testkit.audio.few_people import Person, draws, trials

from pgvoice.store.thresholds.measures import Floats

#: As many that made-up people are as similar as real ones.
DIMENSION, EACH = 100, 30


def _people(count: int, rng: np.random.Generator) -> list[Person]:
    voices = _units(rng.normal(size=(count, DIMENSION)))
    return [
        Person(
            f"person {place}",
            voice,
            _units(0.8 * voice + 0.6 * _units(rng.normal(size=(EACH, DIMENSION)))),
            np.resize([1500, 3000, 5000], EACH),
        )
        for place, voice in enumerate(voices)
    ]


def _units(vectors: Floats) -> Floats:
    units: Floats = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return units


def test_few_people_are_calibrated_on_and_others_measured() -> None:
    rng = np.random.default_rng(0)
    people = _people(20, rng)
    found = list(draws(people, 5, 0.05, 20, rng))
    made = [one for one in found if one is not None]
    assert len(found) == 20
    assert len(made) >= 15
    assert sum(one.is_far_covered for one in made) >= 0.9 * len(made)
    assert sum(one.is_dir_covered for one in made) >= 0.9 * len(made)
    assert all(one.far_bound >= 0.05 for one in made)
    assert all(one.is_met == (one.far_bound == 0.05) for one in made)


def test_too_few_people_are_refused() -> None:
    rng = np.random.default_rng(0)
    assert list(draws(_people(6, rng), 3, 0.05, 2, rng)) == [None, None]


def test_whoever_is_in_the_gallery_is_known() -> None:
    people = _people(4, np.random.default_rng(0))
    found = trials(people[:2], people[1:])
    assert found.similarity.shape == (3 * EACH, 2)
    assert np.unique(found.own).tolist() == [-1, 1]
    assert (found.own == 1).sum() == EACH
