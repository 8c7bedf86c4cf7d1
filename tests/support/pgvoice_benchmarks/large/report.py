"""Tables of the figures that were measured so far."""

from __future__ import annotations

from collections.abc import Iterator

from pgvoice.cli.output import size
from pgvoice_benchmarks.large.figures import Figure, Figures
from pgvoice_benchmarks.large.searching import (
    AGAIN,
    AGAIN_P95,
    FIRST,
    FIRST_P95,
    PROCESSOR,
    RECALL,
    WORST,
)
from pgvoice_benchmarks.tables import NOTHING, Table, seconds


def tables(figures: Figures, segments: int) -> Iterator[Table]:
    """Whatever takes some time, then the searches."""
    single = Table(f"{segments:,} segments", ("step", "what", "measured"), words=2)
    searches = Table(
        "100 nearest",
        ("by", "recall", "worst", "p50", "p95", "again: p50", "p95", "processor of each"),
    )
    for step, found in figures.steps().items():
        if step.startswith("search"):
            cells = (cell(found.get(name)) for name in SEARCHED)
            searches.add(step.removeprefix("search ").removeprefix("by "), *cells)
        else:
            for what, figure in found.items():
                single.add(step, what, cell(figure))
    yield single
    yield searches


SEARCHED = (RECALL, WORST, FIRST, FIRST_P95, AGAIN, AGAIN_P95, PROCESSOR)


def cell(figure: Figure | None) -> str:
    if figure is None:
        return NOTHING
    if figure.unit == "bytes":
        return size(int(figure.value))
    if figure.unit == "recall":
        return f"{figure.value:.3f}"
    if figure.unit == "s":
        short = figure.value < 1
        return f"{figure.value * 1000:.3g} ms" if short else f"{seconds(figure.value)} s"
    return f"{figure.value:,.0f}"
