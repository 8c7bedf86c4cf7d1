"""Who speaks when: lanes for speakers, suggestions and unnamed speech; shades for similarity."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pgvoice.cli import output
from pgvoice.cli.pictures import canvas
from pgvoice.store.answers.identify import Suggestion

if TYPE_CHECKING:  # an optional extra
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure

UNNAMED = "(nobody named)"
#: Lanes at most; if there are more speakers, the last lane is for all others.
MAX_LANES = 40
#: Longest strip across the picture, in seconds, if there is room for several.
STRIP = 1800.0
#: Most lanes that fit in one picture, all strips together.
ROOM = 72
WIDTH = 13.0
LANE = 0.24
#: Smallest width of a segment, as a share of the strip, so that it can be seen.
VISIBLE = 0.002
NO_VECTOR = "#8f8f8f"
#: Edges of the bars of somebody, and of nobody, whose shades are the palest.
EDGES = ("#ffffff", "#5f5a4a")
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)


class Bar(NamedTuple):
    """A segment, in seconds; its similarity is None if it has no vector."""

    start: float
    end: float
    speaker: str | None
    similarity: float | None
    suggestion: Suggestion | None = None


def draw(bars: Sequence[Bar], path: Path, title: str, *thresholds: float) -> None:
    """Draw the timeline and write it to a file; the scale of shades marks the thresholds."""
    names, where = lanes(bars)
    first, last = _stretch(bars)
    count = strips(last - first, len(names))
    each = (last - first) / count or 1.0
    if count > 1:
        each = math.ceil(each / step(each)) * step(each)
        count = math.ceil((last - first) / each)
    height = count * (max(len(names), 1) * LANE + 0.45) + 0.75
    with canvas.picture(path, title, WIDTH, max(height, 2.4)) as figure:
        rows = figure.subplots(count, 1, squeeze=False)[:, 0]
        shades = _shades(bars)
        for number, axes in enumerate(rows):
            start = first + number * each
            _strip(axes, bars, where, shades, (start, start + each))
            _label(axes, names, (start, start + each))
        if not bars:
            rows[0].text(0.5, 0.5, "no segments", transform=rows[0].transAxes, ha="center")
        rows[-1].set_xlabel("time (h:mm:ss)")
        grey = any(bar.similarity is None for bar in bars)
        _scale(figure, list(rows), shades, thresholds, grey)


def lanes(bars: Sequence[Bar]) -> tuple[list[str], list[int]]:
    """Names of the lanes from the top, longest speech first, and the lane of each bar.

    Suggestions with the same rival have a lane below the speakers, if there is room.
    """
    people = _longest_first((bar.speaker, bar) for bar in bars)
    own = people if len(people) <= MAX_LANES else people[: MAX_LANES - 1]
    names = [canvas.shown(name) for name in own]
    if len(own) < len(people):
        names.append(f"({len(people) - len(own):,} others)")
    speakers = {name: min(lane, len(names) - 1) for lane, name in enumerate(people)}
    pairs = _longest_first((_suggested(bar), bar) for bar in bars)[: MAX_LANES - len(names)]
    suggested = {pair: len(names) + number for number, pair in enumerate(pairs)}
    names += pairs
    where = [
        suggested.get(_suggested(bar), len(names)) if bar.speaker is None else speakers[bar.speaker]
        for bar in bars
    ]
    return ([*names, UNNAMED] if len(names) in where else names), where


def _suggested(bar: Bar) -> str:
    """Who may speak, and the rival; empty if nobody is suggested."""
    if bar.suggestion is None:
        return ""
    both = (bar.suggestion.name, bar.suggestion.rival)
    return f"({' or '.join(canvas.shown(name, 14) for name in both if name is not None)}?)"


def _longest_first(spoken: Iterable[tuple[str | None, Bar]]) -> list[str]:
    """Names of lanes, by the length of their bars."""
    seconds: dict[str, float] = defaultdict(float)
    for name, bar in spoken:
        if name:
            seconds[name] += bar.end - bar.start
    return sorted(seconds, key=lambda name: (-seconds[name], name))


def strips(end: float, lane_count: int) -> int:
    """The number of strips that a recording is divided into."""
    return max(1, min(math.ceil(end / STRIP), ROOM // max(lane_count, 1)))


def step(seconds: float, most: int = 10) -> float:
    """Seconds between ticks, so that there are at most this many."""
    return next((float(one) for one in _STEPS if seconds / one <= most), seconds / most)


def _stretch(bars: Sequence[Bar]) -> tuple[float, float]:
    """Start and end of the picture; starts at 0 unless that leaves much of it empty."""
    first = min((bar.start for bar in bars), default=0.0)
    last = max((bar.end for bar in bars), default=1.0)
    return (0.0 if first < last / 4 else float(math.floor(first))), last


def _shades(bars: Sequence[Bar]) -> ScalarMappable:
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    known = [bar.similarity for bar in bars if bar.similarity is not None]
    lowest = math.floor(min(known, default=0.0) * 10) / 10
    colours = colormaps["viridis_r"].with_extremes(bad=NO_VECTOR)
    return ScalarMappable(Normalize(max(-1.0, min(lowest, 0.9)), 1.0), colours)


def _strip(
    axes: Axes,
    bars: Sequence[Bar],
    where: Sequence[int],
    shades: ScalarMappable,
    span: tuple[float, float],
) -> None:
    from matplotlib.collections import PolyCollection

    least = (span[1] - span[0]) * VISIBLE
    corners, known, edges = [], [], []
    for bar, lane in zip(bars, where, strict=True):
        if bar.end <= span[0] or bar.start >= span[1]:
            continue
        left = max(bar.start, span[0])
        right = max(min(bar.end, span[1]), left + least)
        low, high = lane - 0.36, lane + 0.36
        corners.append([(left, low), (right, low), (right, high), (left, high)])
        known.append(bar.similarity)
        edges.append(EDGES[bar.speaker is None])
    import numpy as np

    heights = np.ma.masked_invalid([math.nan if value is None else value for value in known])
    bodies = PolyCollection(corners, array=heights, edgecolors=edges, linewidths=0.4)
    bodies.set(cmap=shades.cmap, norm=shades.norm)
    axes.add_collection(bodies)


def _label(axes: Axes, names: Sequence[str], span: tuple[float, float]) -> None:
    from matplotlib.ticker import FuncFormatter, MultipleLocator

    axes.set_xlim(*span)
    axes.set_ylim(max(len(names), 1) - 0.5, -0.5)
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_locator(MultipleLocator(step(span[1] - span[0])))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: clock(seconds)))
    axes.grid(axis="x", color="#e4e4e4", linewidth=0.6)
    axes.hlines([lane + 0.5 for lane in range(len(names) - 1)], *span, "#ededed", linewidth=0.6)
    axes.set_axisbelow(True)
    if names and names[-1] == UNNAMED:
        axes.axhspan(len(names) - 1.5, len(names) - 0.5, color="#f4f1ea", zorder=0)
    for name in axes.get_yticklabels():
        name.set_fontstyle("italic" if name.get_text().startswith("(") else "normal")


def _scale(
    figure: Figure, axes: list[Axes], shades: ScalarMappable, marks: Sequence[float], grey: bool
) -> None:
    inches = figure.get_figheight()
    aspect, shrink = min(25.0, 4 * inches), min(1, 4.5 / inches)
    bar = figure.colorbar(shades, ax=axes, pad=0.01, fraction=0.03, aspect=aspect, shrink=shrink)
    bar.outline.set_visible(False)
    bar.set_label("cosine similarity" + ("\n(grey: no vector)" if grey else ""))
    low, high = bar.ax.get_ylim()
    marked = [threshold for threshold in marks if low <= threshold <= high]
    for threshold in marked:
        bar.ax.axhline(threshold, color="crimson", linewidth=2)
    if marked:
        plural = "s" if len(marked) > 1 else ""
        bar.ax.set_title(f"red: threshold{plural}", fontsize=7, color="crimson")


def clock(seconds: float) -> str:
    """``h:mm:ss``, with a fraction if there is one."""
    return output.clock(max(seconds, 0.0)).removesuffix(".0")
