"""The result of a calibration: thresholds from everybody, and how far they can be trusted.

FAR is judged on people left out: the searches of a part of the people get answers by thresholds
that were found without that part, neither as speakers nor as profiles. DIR is that of the
thresholds in the result, which no comparison of a person with their own profile takes part in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pgvoice.store.errors import CalibrationUnsupported
from pgvoice.store.thresholds import measures
from pgvoice.store.thresholds.fitting import CONFIDENCE, Rule, bands, fit
from pgvoice.store.thresholds.measures import Flags, Floats, Impostors, Interval, Searches
from pgvoice.store.thresholds.trials import Trials

#: Minimum number of people outside the gallery.
MIN_PEOPLE = 4
#: Minimum share of the pairs of people that are compared in a band, and how many always suffice:
#: those of ten people. Chosen on LibriSpeech, where shares from .5 to 1 gave the same DIR.
MIN_SHARE, ENOUGH_PAIRS = 0.8, 45
#: Minimum number of searches of either kind in a band.
MIN_IN_BAND = 10
#: Minimum share of enrolled people's segments that are nearest to their own profile.
MIN_RIGHT = 0.5
#: Into how many parts people are split at most, of which one is left out at a time.
MAX_PARTS = 20


@dataclass(frozen=True, slots=True)
class Band:
    """The threshold for segments of some length, with figures."""

    min_s: float
    #: Exclusive; None if the band has no end.
    max_s: float | None
    threshold: float
    #: Searches by people in the gallery, and outside it.
    inside: int
    outside: int
    #: None if there were no searches; `far` of people left out.
    dir: float | None
    far: float | None
    #: How many pairs of people the threshold rests on; 0 if they were not counted.
    pairs: int = 0


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured."""

    comparisons: int
    #: Searches by people in the gallery, and how many people.
    inside: int
    inside_people: int
    #: Searches by people outside it: strangers, and enrolled people without their own profile.
    outside: int
    outside_people: int
    profiles: int
    #: Over all comparisons.
    eer: float
    eer_interval: Interval
    min_dcf: float
    #: The prior of `min_dcf`.
    prior: float
    dir: float
    dir_interval: Interval
    #: Of people left out.
    far: float


@dataclass(frozen=True, slots=True)
class Judged:
    """A rule, with figures."""

    rule: Rule
    bands: tuple[Band, ...]
    figures: Figures
    #: FAR is at most this, with `CONFIDENCE`.
    far_bound: float
    #: Remarks on the bands.
    notes: tuple[str, ...]


def calibrated(trials: Trials, band_ms: Sequence[int], target: float) -> Judged:
    """Find thresholds and judge them.

    Raises `CalibrationUnsupported` if there are too few trials, or if they do not tell people
    apart.
    """
    searches, impostors = trials.searches(), trials.impostors()
    _check(searches, target)
    merged, notes = _merged(searches, impostors, band_ms)
    gallery = trials.similarity.shape[1]
    rule = fit(impostors, merged, target, gallery)
    if max(rule.thresholds) >= 1:
        raise CalibrationUnsupported(
            f"with so few people, no threshold is sure to hold a false accept rate of {target:g}:"
            f" label speech of more than {_speakers(searches)} people, or give a higher"
            " --target-far"
        )
    answered = rule.answered(searches)
    outside = ~searches.enrolled
    answered[outside] = _left_out(searches, impostors, merged, target, gallery)[outside]
    return Judged(
        rule,
        _bands(rule, searches, answered),
        _figures(trials, searches, answered, merged),
        _far_bound(searches[outside], answered[outside], merged, target),
        notes,
    )


def _check(searches: Searches, target: float) -> None:
    inside, outside = searches.enrolled, ~searches.enrolled
    right = int((inside & searches.right).sum())
    if right < inside.sum() * MIN_RIGHT:
        raise CalibrationUnsupported(
            f"only {right} of {inside.sum()} labelled segments of enrolled people are nearest to"
            " their own speaker's profile: check the names in the labels, and"
            " `pgvoice enroll show`"
        )
    needed, people = measures.needed_searches(target), _speakers(searches)
    if outside.sum() < needed or people < MIN_PEOPLE:
        raise CalibrationUnsupported(
            f"a false accept rate of {target:g} needs {needed} searches by {MIN_PEOPLE} people"
            f" outside the gallery (strangers, and enrolled people without their own profile);"
            f" there are {outside.sum()} by {people}: label more segments of more people, or give"
            " a higher --target-far"
        )
    if right < MIN_IN_BAND:
        raise CalibrationUnsupported(
            f"it takes {MIN_IN_BAND} segments that are nearest to their own speaker's profile, made"
            f" of other speech; there are {right}: label more segments of enrolled people, or"
            " enroll them with more speech"
        )
    found = searches.similarity
    own, other = found[inside & searches.right].mean(), found[outside].mean()
    if own <= other:
        raise CalibrationUnsupported(
            "on average, the right profile is not more similar to a segment than others are"
            f" ({own:.3f} is not above {other:.3f}): check the names in the labels, and"
            " `pgvoice enroll show`"
        )


def _speakers(searches: Searches) -> int:
    """How many people there are outside the gallery."""
    return len(np.unique(searches.person[~searches.enrolled]))


def _merged(
    searches: Searches, impostors: Impostors, band_ms: Sequence[int]
) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """The bands, with those that have too little speech joined to a neighbour, and remarks."""
    left, notes = list(band_ms), []
    while len(left) > 1:
        weak = _weakest(searches, impostors, left)
        if weak is None:
            break
        counts = np.bincount(bands(searches.duration_ms, left), minlength=len(left))
        before = weak > 0 and (weak == len(left) - 1 or counts[weak - 1] <= counts[weak + 1])
        edge = left.pop(weak if before else weak + 1)
        notes.append(f"too few searches or people on one side of {edge / 1000:g} s: bands joined")
    return tuple(left), tuple(notes)


def _weakest(searches: Searches, impostors: Impostors, band_ms: Sequence[int]) -> int | None:
    """The first band with too few searches or pairs of people, if any."""
    needed = min(MIN_SHARE * len(np.unique(impostors.pairs)), ENOUGH_PAIRS)
    places, compared = (bands(each.duration_ms, band_ms) for each in (searches, impostors))
    for band in range(len(band_ms)):
        here = places == band
        inside = (here & searches.enrolled & searches.right).sum()
        outside = (here & ~searches.enrolled).sum()
        pairs = len(np.unique(impostors.pairs[compared == band]))
        if min(inside, outside) < MIN_IN_BAND or pairs < needed:
            return band
    return None


def _left_out(
    searches: Searches, impostors: Impostors, band_ms: Sequence[int], target: float, gallery: int
) -> Flags:
    """The searches that get an answer from thresholds found without their speaker."""
    people = np.unique(searches.person)
    parts = min(MAX_PARTS, len(people))
    answered = np.zeros(len(searches), bool)
    for part in range(parts):
        out = people[part::parts]
        rows = np.isin(searches.person, out)
        rule = fit(impostors.without(out), band_ms, target, gallery)
        answered[rows] = rule.answered(searches[rows])
    return answered


def _far_bound(outside: Searches, answered: Flags, band_ms: Sequence[int], target: float) -> float:
    """The bound of FAR: the target, unless people left out were named more often.

    In that case the thresholds' assumptions do not hold, and only the counts are left to tell: the
    highest upper end of an interval for the FAR of all lengths, or of a band that can tell it.
    """
    places = bands(outside.duration_ms, band_ms)
    bound = target
    for here in (places >= 0, *(places == band for band in range(len(band_ms)))):
        named = answered[here].astype(float)
        if len(named) >= measures.needed_searches(target) and named.mean() > target:
            number = measures.effective_number(named, outside.person[here])
            # It is only used at one end, so it may leave out twice as much.
            interval = measures.rate_interval(float(named.mean()), number, 2 * CONFIDENCE - 1)
            bound = max(bound, interval.high)
    return bound


def _figures(
    trials: Trials, searches: Searches, answered: Flags, band_ms: Sequence[int]
) -> Figures:
    inside, outside = searches.enrolled, ~searches.enrolled
    similarity, same = trials.comparisons()
    eer = measures.eer(similarity[same], similarity[~same])
    found = float((answered & searches.right)[inside].mean())
    beside = _beside_average(searches[inside], band_ms)
    number = measures.effective_number(beside, searches.person[inside])
    return Figures(
        len(similarity),
        int(inside.sum()),
        len(np.unique(searches.person[inside])),
        int(outside.sum()),
        len(np.unique(searches.person[outside])),
        trials.similarity.shape[1],
        eer,
        measures.rate_interval(eer, number),
        measures.min_dcf(similarity[same], similarity[~same]),
        measures.PRIOR,
        found,
        measures.rate_interval(found, number),
        float(answered[outside].mean()),
    )


def _beside_average(searches: Searches, band_ms: Sequence[int]) -> Floats:
    """How much more similar each search is than those of its band are, shape (searches,)."""
    places = bands(searches.duration_ms, band_ms)
    sums = np.bincount(places, weights=searches.similarity, minlength=len(band_ms))
    means = sums / np.maximum(np.bincount(places, minlength=len(band_ms)), 1)
    beside: Floats = searches.similarity - means[places]
    return beside


def _bands(rule: Rule, searches: Searches, answered: Flags) -> tuple[Band, ...]:
    places = bands(searches.duration_ms, rule.band_ms)
    ends = [edge / 1000 for edge in rule.band_ms[1:]] + [None]
    return tuple(
        Band(
            rule.band_ms[band] / 1000,
            ends[band],
            rule.thresholds[band],
            int((here & searches.enrolled).sum()),
            int((here & ~searches.enrolled).sum()),
            _mean((answered & searches.right)[here & searches.enrolled]),
            _mean(answered[here & ~searches.enrolled]),
            rule.tails[band].pairs,
        )
        for band in range(len(rule.band_ms))
        for here in [places == band]
    )


def _mean(flags: Flags) -> float | None:
    return float(flags.mean()) if len(flags) else None
