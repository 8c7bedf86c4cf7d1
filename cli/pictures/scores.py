"""How well voices are told apart: distributions of similarity, the DET curve, DIR by FAR."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

import click
import numpy as np

from pgvoice.cli.pictures import canvas
from pgvoice.cli.thresholds.rule import length
from pgvoice.store.thresholds import measures
from pgvoice.store.thresholds.judging import Band
from pgvoice.store.thresholds.measures import Flags, Floats, Searches
from pgvoice.store.thresholds.requirement import BandThreshold
from pgvoice.store.thresholds.trials import Trials

if TYPE_CHECKING:  # an optional extra
    from matplotlib.axes import Axes

RIGHT, OTHER, MARK = "#1b6ca8", "#c8553d", "#333333"
#: Rates with a tick on the axes of a DET curve.
_MARKS = (0.0001, 0.001, 0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 0.99)
#: Points of the curve of DIR by FAR.
_POINTS = 120
_STYLES = ("--", ":", "-.", (0, (5, 1)), (0, (1, 1)))


class Rule(NamedTuple):
    """The threshold and margin that each search must reach, and their label in the legend."""

    #: Shape (searches,).
    threshold: Floats
    margin: float
    told: str


def draw_trials(
    trials: Trials, bands: Sequence[Band | BandThreshold], margin: float, path: Path, title: str
) -> None:
    """Draw the picture of ``--plot``, and print its path on standard error."""
    similarity, right = trials.comparisons()
    searches = trials.searches()
    thresholds = {_told(band): band.threshold for band in bands}
    starts = np.array([round(1000 * band.min_s) for band in bands])
    values = np.array([band.threshold for band in bands])
    required = values[np.searchsorted(starts, searches.duration_ms, side="right") - 1]
    told = _told(bands[0]) if len(bands) == 1 else "these thresholds"
    told += f", margin {margin:.3f}" if margin else ""
    draw(similarity, right, searches, thresholds, Rule(required, margin, told), path, title)
    click.echo(f"picture in {path}", err=True)


def _told(band: Band | BandThreshold) -> str:
    lengths = "" if not band.min_s and band.max_s is None else f" {length(band)}"
    return f"threshold {band.threshold:.3f}{lengths}"


def draw(
    similarity: Floats,
    right: Flags,
    searches: Searches,
    thresholds: Mapping[str, float],
    rule: Rule,
    path: Path,
    title: str,
) -> None:
    """Draw three panels and write them to a file.

    `similarity` and `right` have the shape (comparisons,); `right` says whether the profile is the
    speaker's own. `thresholds` are by their labels in the legend, and `rule` is what they together
    require of the searches.
    """
    with canvas.picture(path, title, 13, 4.4) as figure:
        left, middle, last = figure.subplots(1, 3)
        same, different = similarity[right], similarity[~right]
        distributions(left, same, different, thresholds)
        det(middle, same, different)
        open_set(last, searches, rule)


def distributions(
    axes: Axes, same: Floats, different: Floats, thresholds: Mapping[str, float]
) -> None:
    """Histograms of similarity to the right person and to other people."""
    both = np.concatenate([same, different])
    axes.set_title("Similarity of segments and profiles")
    axes.set_xlabel("cosine similarity")
    axes.set_ylabel("share of the comparisons (%)")
    if not len(both):
        _say(axes, "no comparisons")
        return
    edges = np.linspace(both.min() - 0.01, both.max() + 0.01, 41)
    for values, colour, name in ((same, RIGHT, "right person"), (different, OTHER, "other people")):
        if len(values):
            weights = np.full(len(values), 100 / len(values))
            label = f"{name} ({len(values):,})"
            axes.hist(values, list(edges), weights=weights, color=colour, alpha=0.6, label=label)
    for number, (told, threshold) in enumerate(thresholds.items()):
        style = _STYLES[number % len(_STYLES)]
        axes.axvline(threshold, color=MARK, linewidth=1.2, linestyle=style, label=told)
    _legend(axes, columns=2)


def det(axes: Axes, same: Floats, different: Floats) -> None:
    """Misses by false alarms, on axes that make a line of normal distributions."""
    axes.set_title("DET curve")
    axes.set_xlabel("false alarms: other people accepted (%)")
    axes.set_ylabel("misses: right person refused (%)")
    if not len(same) or not len(different):
        _say(axes, "needs comparisons with the right person\nand with other people")
        return
    _, false_alarms, misses = measures.error_rates(same, different)
    if same.min() > different.max():
        _say(axes, "no errors (EER 0 %):\nthe right person is always nearer\nthan anybody else")
        return
    floor = 0.3 / max(len(same), len(different))
    x, y = (_deviates(np.clip(rates, floor, 1 - floor)) for rates in (false_alarms, misses))
    axes.plot(x, y, color=RIGHT, linewidth=1.6)
    rate = measures.eer(same, different)
    place = _deviates(np.clip(np.array([rate]), floor, 1 - floor))
    axes.plot(place, place, "o", color=MARK, markersize=5, label=f"EER {100 * rate:.3g} %")
    shown = [mark for mark in _MARKS if floor <= mark <= 0.9]
    ticks = _deviates(np.array(shown))
    names = [f"{100 * mark:g}" for mark in shown]
    axes.set_xticks(ticks, names)
    axes.set_yticks(ticks, names)
    axes.plot([-9, 9], [-9, 9], color="#bbbbbb", linewidth=0.8, zorder=0)
    edge, far = _deviates(np.array([floor, max(0.9, min(rate, 1 - floor))]))
    axes.set(xlim=(edge, far), ylim=(edge, far))
    axes.grid(color="#e8e8e8", linewidth=0.6)
    _legend(axes)


def open_set(axes: Axes, searches: Searches, rule: Rule) -> None:
    """DIR by FAR for every single threshold, and for the rule."""
    axes.set_title("Open-set identification")
    axes.set_xlabel("FAR: speech of people outside the gallery named (%)")
    axes.set_ylabel("DIR: speech of people in the gallery named right (%)")
    outside, inside = int((~searches.enrolled).sum()), int(searches.enrolled.sum())
    if not outside or not inside:
        _say(axes, "needs segments of people in the gallery\nand outside it")
        return
    hits = np.unique(np.geomspace(1, outside, _POINTS).round())
    targets = hits / outside
    rates = [100 * measures.dir_at_far(searches, target) for target in (0, *targets)]
    least = 100 * 0.5 / outside
    axes.plot([least, *(100 * targets)], rates, color=RIGHT, label="any single threshold")
    far = 100 * measures.far(searches, rule.threshold, rule.margin)
    rate = 100 * measures.identification_rate(searches, rule.threshold, rule.margin)
    label = f"{rule.told}: DIR {rate:.3g} %, FAR {far:.3g} %"
    axes.plot(max(far, least), rate, "o", color=MARK, markersize=5, label=label)
    axes.set_xscale("log")
    axes.set_xlim(least / 1.2, 110)
    bottom = max(0.0, 10 * ((min(*rates, rate) - 5) // 10))
    axes.set_ylim(bottom - 0.02 * (100 - bottom), 100 + 0.03 * (100 - bottom))
    decades = [mark for mark in (0.001, 0.01, 0.1, 1, 10, 100) if mark > 1.3 * least]
    axes.set_xticks([least, *decades], ["0", *(f"{mark:g}" for mark in decades)])
    axes.axvline(least, color="#bbbbbb", linewidth=0.8, linestyle=":")
    axes.grid(color="#e8e8e8", linewidth=0.6)
    _legend(axes)


def _deviates(rates: Floats) -> Floats:
    normal = NormalDist()
    return np.array([normal.inv_cdf(float(rate)) for rate in rates])


def _legend(axes: Axes, columns: int = 1) -> None:
    """A legend below the panel."""
    place = (0.5, -0.16)
    axes.legend(
        fontsize=7.5, loc="upper center", bbox_to_anchor=place, ncols=columns, frameon=False
    )


def _say(axes: Axes, words: str) -> None:
    axes.text(0.5, 0.5, words, transform=axes.transAxes, ha="center", va="center", color="#777777")
    axes.set_xticks([])
    axes.set_yticks([])
