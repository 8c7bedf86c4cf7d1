"""How similar the same and different people are, as something to draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from pgvoice.store.thresholds.scores import ScoreBin, ScoreKind

#: Size of the drawing, and of the part with bars.
WIDTH, HEIGHT, LEFT, BOTTOM = 640, 240, 36, 34
#: Width of a stretch.
STEP = 0.05


@dataclass(frozen=True)
class Histogram:
    """The bars of the same person, the outlines of others, and how many comparisons there are."""

    counts: Mapping[ScoreKind, int]
    #: x, y, width and height.
    bars: Sequence[tuple[float, float, float, float]]
    #: By kind, the points of an outline.
    outlines: Mapping[ScoreKind, str]
    #: Similarities with a tick, and their places.
    ticks: Sequence[tuple[float, float]]
    low: float
    high: float

    def place(self, similarity: float) -> float:
        """Where a similarity is."""
        share = (similarity - self.low) / (self.high - self.low)
        return round(LEFT + min(max(share, 0), 1) * (WIDTH - LEFT), 1)


def histogram(found: Sequence[ScoreBin]) -> Histogram | None:
    """The drawing; None without comparisons. Each kind is drawn as shares of its own number."""
    if not found:
        return None
    low = min(0.0, *(each.start for each in found))
    high = max(1.0 if any(each.end > 0.8 for each in found) else 0.8, *(e.end for e in found))
    counts: dict[ScoreKind, int] = dict.fromkeys(get_args(ScoreKind), 0)
    for each in found:
        counts[each.kind] += each.comparisons
    most = max(each.comparisons / counts[each.kind] for each in found)
    empty = Histogram(counts, (), {}, (), low, high)

    def height(each: ScoreBin) -> float:
        return round((HEIGHT - BOTTOM - 8) * each.comparisons / counts[each.kind] / most, 1)

    base = HEIGHT - BOTTOM
    same = [each for each in found if each.kind == "same person"]
    bars = [
        (x, round(base - height(each), 1), round(empty.place(each.end) - x - 1, 1), height(each))
        for each in same
        for x in [empty.place(each.start)]
    ]
    outlines: dict[ScoreKind, str] = {
        kind: _outline(empty, [(each, height(each)) for each in found if each.kind == kind])
        for kind in counts
        if kind != "same person" and counts[kind]
    }
    first, last = round(low * 5), round(high * 5)
    ticks = [(place / 5, empty.place(place / 5)) for place in range(first, last + 1)]
    ticks = [tick for tick in ticks if low - 1e-9 <= tick[0] <= high + 1e-9]
    return Histogram(counts, bars, outlines, ticks, low, high)


def _outline(drawn: Histogram, bins: Sequence[tuple[ScoreBin, float]]) -> str:
    """The steps of a histogram, down to the axis where a stretch has none."""
    base: float = HEIGHT - BOTTOM
    points: list[tuple[float, float]] = []
    end: float | None = None
    for each, high in bins:
        x, right, y = drawn.place(each.start), drawn.place(each.end), round(base - high, 1)
        if end is None or abs(each.start - end) > STEP / 2:
            points += [(drawn.place(end), base)] if end is not None else []
            points.append((x, base))
        points += [(x, y), (right, y)]
        end = each.end
    if end is not None:
        points.append((drawn.place(end), base))
    return " ".join(f"{x},{y}" for x, y in points)
