"""Drawing a table as text that is no wider than a given width."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pgvoice.cli.tables.columns import Column
from pgvoice.cli.tables.layout import Rows, layout

_ELLIPSIS = "…"


class Drawn(NamedTuple):
    """A table as text, and the headers of the columns that were left out."""

    text: str
    left_out: list[str]


def draw(columns: Sequence[Column], rows: Rows, width: int | None, console: Console) -> Drawn:
    """The table in this width, in the console's colours; None shows everything in full."""
    found = layout(columns, rows, width)
    shown = [columns[place] for place in found.shown]
    table = Table(box=None, pad_edge=False, padding=(0, found.gap, 0, 0), header_style="bold")
    for column, wide in zip(shown, found.widths, strict=True):
        table.add_column(column.header, justify=column.justify, width=wide)
    for row in rows:
        values = [row[place] for place in found.shown]
        table.add_row(*map(_cell, shown, values, found.widths))
    console.width = found.width + found.gap
    with console.capture() as capture:
        console.print(table)
    text = "\n".join(line.rstrip() for line in capture.get().splitlines())
    left_out = [each.header for place, each in enumerate(columns) if place not in found.shown]
    return Drawn(text, left_out)


def _cell(column: Column, value: str, width: int) -> Text:
    """A value on one line, or folded between words."""
    words = value.split(" ") if column.folded else [value]
    text = " ".join(shortened(word, width) for word in words)
    return Text(text, style=column.style(value), no_wrap=not column.folded)


def shortened(text: str, width: int) -> str:
    """Text in at most `width` cells of a terminal, with … in the middle of what is longer."""
    if cell_len(text) <= width:
        return text
    room = width - 1
    return _start(text, room - room // 2) + _ELLIPSIS + _start(text[::-1], room // 2)[::-1]


def _start(text: str, width: int) -> str:
    taken = 0
    for place, character in enumerate(text):
        taken += cell_len(character)
        if taken > width:
            return text[:place]
    return text
