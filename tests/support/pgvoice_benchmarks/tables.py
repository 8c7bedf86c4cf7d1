"""Tables of results, for a terminal or in Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import rich.table
from rich.console import Console

NOTHING = "-"


@dataclass(slots=True)
class Table:
    """The first columns contain words, the others numbers."""

    title: str
    columns: tuple[str, ...]
    words: int = 1
    rows: list[tuple[str, ...]] = field(default_factory=list)

    def add(self, *cells: str) -> None:
        self.rows.append(cells)

    def markdown(self) -> Iterator[str]:
        yield f"**{self.title}**"
        yield ""
        yield _line(self.columns)
        numbers = len(self.columns) - self.words
        yield _line(("---",) * self.words + ("---:",) * numbers)
        yield from map(_line, self.rows)
        yield ""

    def show(self, console: Console, *, markdown: bool) -> None:
        if markdown:
            for line in self.markdown():
                console.print(line, markup=False, highlight=False, soft_wrap=True)
            return
        table = rich.table.Table()
        for place, column in enumerate(self.columns):
            table.add_column(column, justify="left" if place < self.words else "right")
        for row in self.rows:
            table.add_row(*row)
        console.print(self.title, style="bold", markup=False, highlight=False, soft_wrap=True)
        console.print(table)
        console.print()


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def seconds(value: float) -> str:
    """Two decimals, or three below 0.1."""
    return f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"


def ratio(value: float, other: float | None) -> str:
    """`value` divided by `other`."""
    if other is None or not other:
        return NOTHING
    times = value / other
    return f"{times:,.0f}" if times >= 100 else f"{times:.3g}" if times < 1 else f"{times:.1f}"
