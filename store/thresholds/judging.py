"""The result of a calibration: thresholds from everybody, figures from people left out.

The people are split into two halves; each half is judged by the thresholds and the margin tuned on
the other. The thresholds in the result are tuned on everybody.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pgvoice.store.errors import CalibrationUnsupported
from pgvoice.store.thresholds import measures
from pgvoice.store.thresholds.fitting import NotApart, Rule, bands, fit, tune, weakest
from pgvoice.store.thresholds.measures import Flags, Indices, Interval, Searches
from pgvoice.store.thresholds.trials import Trials

#: Minimum number of people outside the gallery in each half.
MIN_PEOPLE = 2
#: Minimum number of searches of either kind in a band in each half.
MIN_IN_BAND = 10
#: Minimum share of enrolled people's segments that are nearest to their own profile.
MIN_RIGHT = 0.5
#: Number of draws of people for the intervals of EER and minDCF.
DRAWS = 200


@dataclass(frozen=True, slots=True)
class Band:
    """The threshold and margin for segments of some length, with figures on people left out."""

    min_s: float
    #: Exclusive; None if the band has no end.
    max_s: float | None
    threshold: float
    margin: float
    #: Searches by people in the gallery, and outside it.
    inside: int
    outside: int
    #: None if there were no searches.
    dir: float | None
    far: float | None


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured; `dir` and `far` are for people whom the thresholds were not tuned on."""

    comparisons: int
    #: Searches by people in the gallery, and how many people.
    inside: int
    inside_people: int
    #: Searches by people outside it: strangers, and enrolled people without their own profile.
    outside: int
    outside_people: int
    profiles: int
    #: Over all comparisons; these two need no tuning.
    eer: float
    eer_interval: Interval
    min_dcf: float
    min_dcf_interval: Interval
    #: The prior of `min_dcf`.
    prior: float
    dir: float
    dir_interval: Interval
    far: float
    far_interval: Interval
    #: The same for a single threshold for all lengths, without margin, tuned on the same halves.
    single_dir: float
    single_far: float


@dataclass(frozen=True, slots=True)
class Judged:
    """A rule, with figures on people whom it was not tuned on."""

    rule: Rule
    bands: tuple[Band, ...]
    figures: Figures
    #: Remarks on the bands.
    notes: tuple[str, ...]


def calibrated(
    trials: Trials, band_ms: Sequence[int], target: float, generator: np.random.Generator
) -> Judged:
    """Tune a rule on trials and judge it.

    Raises `CalibrationUnsupported` if there are too few trials, or if they do not tell people
    apart.
    """
    searches = trials.searches()
    _check_names(searches)
    half = _halves(searches, target)
    merged, notes = _merged(searches, half, band_ms)
    try:
        return _judged(trials, searches, half, merged, notes, target, generator)
    except NotApart as error:
        raise CalibrationUnsupported(
            "on average, the right profile is not more similar to a segment than others are"
            f" ({error}): check the names in the labels, and `pgvoice enroll show`"
        ) from error


def _judged(
    trials: Trials,
    searches: Searches,
    half: Flags,
    band_ms: Sequence[int],
    notes: tuple[str, ...],
    target: float,
    generator: np.random.Generator,
) -> Judged:
    rule = tune(searches, band_ms, target, generator)
    answered = _held_out(searches, half, lambda one: tune(one, band_ms, target, generator))
    single = _held_out(searches, half, lambda one: fit(one, (0,), target, 0.0, generator))
    figures = _figures(trials, searches, answered, single, generator)
    return Judged(rule, _bands(rule, searches, answered), figures, notes)


def _check_names(searches: Searches) -> None:
    inside = searches.enrolled
    right = int((inside & searches.right).sum())
    if right < inside.sum() * MIN_RIGHT:
        raise CalibrationUnsupported(
            f"only {right} of {inside.sum()} labelled segments of enrolled people are nearest to"
            " their own speaker's profile: check the names in the labels, and"
            " `pgvoice enroll show`"
        )


def _halves(searches: Searches, target: float) -> Flags:
    """The searches by one half of the people; both have about as many searches from outside."""
    people, counts = np.unique(searches.person[~searches.enrolled], return_counts=True)
    chosen: list[int] = []
    sums = [0, 0]
    for place in np.argsort(-counts, kind="stable"):
        side = int(sums[1] < sums[0])
        sums[side] += int(counts[place])
        if side:
            chosen.append(int(people[place]))
    needed = measures.needed_searches(target)
    sizes = (len(chosen), len(people) - len(chosen))
    if min(sums) < needed or min(sizes) < MIN_PEOPLE:
        raise CalibrationUnsupported(
            f"a false accept rate of {target:g} needs {2 * needed} searches by {2 * MIN_PEOPLE}"
            f" people outside the gallery (strangers, and enrolled people without their own"
            f" profile), {needed} by each half of the people; there are {sum(sums)} by"
            f" {len(people)}, {min(sums)} by one half: label more segments of more people, or give"
            " a higher --target-far"
        )
    flags: Flags = np.isin(searches.person, chosen)
    for side_flags in (flags, ~flags):
        if (searches.enrolled & searches.right & side_flags).sum() < MIN_IN_BAND:
            raise CalibrationUnsupported(
                f"each half of the people needs {MIN_IN_BAND} segments that are nearest to their"
                " own speaker's profile, made of other speech; there are"
                f" {(searches.enrolled & searches.right).sum()} in all: label more segments of"
                " enrolled people, or enroll them with more speech"
            )
    return flags


def _merged(
    searches: Searches, half: Flags, band_ms: Sequence[int]
) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """The bands, with those that have too few searches joined to a neighbour, and remarks."""
    left, notes = list(band_ms), []
    while len(left) > 1:
        weak = next(
            (
                found
                for side in (half, ~half)
                if (found := weakest(searches[side], left, MIN_IN_BAND)) is not None
            ),
            None,
        )
        if weak is None:
            break
        counts = np.bincount(bands(searches.duration_ms, left), minlength=len(left))
        before = weak > 0 and (weak == len(left) - 1 or counts[weak - 1] <= counts[weak + 1])
        edge = left.pop(weak if before else weak + 1)
        notes.append(f"too few searches on one side of {edge / 1000:g} s: bands joined")
    return tuple(left), tuple(notes)


def _held_out(searches: Searches, half: Flags, tuned: Callable[[Searches], Rule]) -> Flags:
    """The searches that get an answer from the rule tuned on the other half."""
    answered = np.zeros(len(searches), bool)
    for side in (half, ~half):
        answered[side] = tuned(searches[~side]).answered(searches[side])
    return answered


def _figures(
    trials: Trials,
    searches: Searches,
    answered: Flags,
    single: Flags,
    generator: np.random.Generator,
) -> Figures:
    inside, outside = searches.enrolled, ~searches.enrolled
    named = answered & searches.right
    similarity, same, person = trials.comparisons()

    def over(measure: Callable[..., float]) -> tuple[float, Interval]:
        def of(rows: Indices) -> float:
            return measure(similarity[rows][same[rows]], similarity[rows][~same[rows]])

        everything = np.arange(len(similarity))
        drawn = measures.bootstrap(of, person, generator, repetitions=DRAWS)
        return of(everything), drawn

    def rate(flags: Flags, among: Flags) -> tuple[float, Interval]:
        rows, whose = flags[among].astype(float), searches.person[among]
        drawn = measures.bootstrap(lambda chosen: float(rows[chosen].mean()), whose, generator)
        return float(rows.mean()), drawn

    return Figures(
        len(similarity),
        int(inside.sum()),
        len(np.unique(searches.person[inside])),
        int(outside.sum()),
        len(np.unique(searches.person[outside])),
        trials.similarity.shape[1],
        *over(measures.eer),
        *over(measures.min_dcf),
        measures.PRIOR,
        *rate(named, inside),
        *rate(answered, outside),
        float((single & searches.right)[inside].mean()),
        float(single[outside].mean()),
    )


def _bands(rule: Rule, searches: Searches, answered: Flags) -> tuple[Band, ...]:
    places = bands(searches.duration_ms, rule.band_ms)
    ends = [edge / 1000 for edge in rule.band_ms[1:]] + [None]
    return tuple(
        Band(
            rule.band_ms[band] / 1000,
            ends[band],
            rule.thresholds[band],
            rule.margin,
            int((here & searches.enrolled).sum()),
            int((here & ~searches.enrolled).sum()),
            _mean((answered & searches.right)[here & searches.enrolled]),
            _mean(answered[here & ~searches.enrolled]),
        )
        for band in range(len(rule.band_ms))
        for here in [places == band]
    )


def _mean(flags: Flags) -> float | None:
    return float(flags.mean()) if len(flags) else None
