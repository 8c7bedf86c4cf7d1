"""Whether normalised similarities name more people correctly, measured on people left out."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pgvoice.store.thresholds import measures
from pgvoice.store.thresholds.cohorts import Cohort
from pgvoice.store.thresholds.fitting import NotApart
from pgvoice.store.thresholds.judging import Band, Figures, Judged, judged
from pgvoice.store.thresholds.measures import Floats, Interval
from pgvoice.store.thresholds.trials import Trials

#: Typical deviation of a cohort; scales normalised similarities to the range of cosines.
SCALE = 0.05


@dataclass(frozen=True, slots=True)
class Normalisation:
    """Adaptive s-norm compared with plain similarities, on people whom neither was tuned on."""

    cohort: Cohort
    #: Whether `identify` uses it.
    used: bool
    #: The increase of DIR, as a fraction.
    gain: float
    gain_interval: Interval
    #: None if the right profile is not more similar than others are.
    normalised: Figures | None
    #: The bands with levels.
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
    """Judge normalised similarities, shape as those of `trials`, against plain ones.

    They are used if the confidence interval of the gain in DIR (bootstrap over people) is above 0
    and FAR is at most the target, or at most what it is without them.
    """
    searches = trials.searches(SCALE * scores)
    beside = replace(trials, similarity=scores)
    try:
        found = judged(
            beside, searches, plain.half, plain.rule.band_ms, plain.notes, target, generator
        )
    except NotApart:
        nothing = Interval(0.0, 0.0)
        return Normalisation(cohort, False, 0.0, nothing, None, (), plain.figures)
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
    """The bands with levels; the plain thresholds stay, because profiles are judged by them."""
    return tuple(
        replace(band, threshold=before.threshold, level=band.threshold / SCALE)
        for before, band in zip(plain.bands, found.bands, strict=True)
    )
