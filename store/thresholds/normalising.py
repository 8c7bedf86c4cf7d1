"""Whether similarities tell more when they are normalised, on people left out as before."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pgvoice.store.thresholds import measures
from pgvoice.store.thresholds.cohorts import Cohort
from pgvoice.store.thresholds.fitting import Material, NotApart
from pgvoice.store.thresholds.judging import Band, Figures, Judged, judged
from pgvoice.store.thresholds.measures import Floats, Interval
from pgvoice.store.thresholds.trials import Trials

#: A cohort's deviations are of this size; with it normalised similarities are fitted as cosines.
SCALE = 0.05


@dataclass(frozen=True, slots=True)
class Normalisation:
    """Adaptive s-norm beside none, on people whom neither was tuned on."""

    cohort: Cohort
    #: Whether identify goes by it.
    used: bool
    #: Of DIR, by which it is higher; in points of 1.
    gain: float
    gain_interval: Interval
    #: None where the right profile does not stand out.
    normalised: Figures | None
    #: With levels.
    bands: tuple[Band, ...]
    plain: Figures


def normalised(
    plain: Judged,
    trials: Trials,
    scores: Floats,
    cohort: Cohort,
    target: float,
    generator: np.random.Generator,
) -> Normalisation:
    """What normalised similarities, shape as those of `trials`, come to.

    They are used where more is named right, surely, and no more by mistake than the target, or than
    without: where the interval of the gain in DIR, by bootstrap over people, is above 0.
    """
    material = Material(*trials.searches(SCALE * scores))
    beside = replace(trials, similarity=scores)
    try:
        found = judged(
            beside, material, plain.half, plain.rule.band_ms, plain.notes, target, generator
        )
    except NotApart:
        nothing = Interval(0.0, 0.0)
        return Normalisation(cohort, False, 0.0, nothing, None, (), plain.figures)
    searches = material.searches
    inside = searches.enrolled
    gained = (found.answered.astype(float) - plain.answered)[inside] * searches.right[inside]
    interval = measures.bootstrap(
        lambda rows: float(gained[rows].mean()), searches.person[inside], generator
    )
    used = interval.low > 0 and found.figures.far <= max(target, plain.figures.far)
    bands = _levels(plain, found)
    gain = float(gained.mean())
    return Normalisation(cohort, used, gain, interval, found.figures, bands, plain.figures)


def _levels(plain: Judged, found: Judged) -> tuple[Band, ...]:
    """The bands with their levels; thresholds stay those of similarities, which judge profiles."""
    return tuple(
        replace(band, threshold=before.threshold, level=band.threshold / SCALE)
        for before, band in zip(plain.bands, found.bands, strict=True)
    )
