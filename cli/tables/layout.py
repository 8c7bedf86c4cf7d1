"""How wide the columns of a table are, and which are left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.cells import cell_len

from pgvoice.cli.tables.columns import Column

#: Values up to this width are shown in full as long as a column can be left out instead.
_COMFORTABLE = 40
#: As wide as a folded column is at least, before values are shortened.
_FOLDED = 32
#: Values are shortened to this width before headers are folded, and to the other one after that.
_SHORT, _LEAST = 20, 12
_GAP = 2

Rows = Sequence[Sequence[str]]


class Layout(NamedTuple):
    """Which columns are shown, how wide each is, and how many blanks follow it."""

    shown: list[int]
    widths: list[int]
    gap: int = _GAP

    @property
    def width(self) -> int:
        """Of the whole table."""
        return sum(self.widths) + self.gap * (len(self.widths) - 1)


def layout(columns: Sequence[Column], rows: Rows, width: int | None) -> Layout:
    """A layout of at most this width if there is one; None shows everything in full."""
    values = [max((cell_len(row[at]) for row in rows), default=0) for at in range(len(columns))]
    full = [max(value, cell_len(c.header)) for c, value in zip(columns, values, strict=True)]
    everything = Layout([*range(len(columns))], full)
    if width is None or everything.width <= width:
        return everything
    narrow = [_comfortable(*each) for each in zip(columns, values, strict=True)]
    candidates = [Layout(shown, [narrow[at] for at in shown]) for shown in _choices(columns)]
    fitting = [each for each in candidates if each.width <= width]
    found = fitting[0] if fitting else _squeezed(candidates[-1], columns, values, width)
    unfolded = [0 if column.folded else values[at] for at, column in enumerate(columns)]
    return _grown(_grown(found, unfolded, width), full, width)


def _choices(columns: Sequence[Column]) -> Iterator[list[int]]:
    """All columns, then one fewer each time, while there are some that can be left out."""
    shown = [*range(len(columns))]
    yield shown
    for _, place in sorted((c.dropped, place) for place, c in enumerate(columns) if c.dropped):
        shown = [at for at in shown if at != place]
        yield shown


def _comfortable(column: Column, value: int) -> int:
    """The width with values that are not too long."""
    most = value if column.whole else _FOLDED if column.folded else _COMFORTABLE
    return max(cell_len(column.header), min(value, most))


def _squeezed(
    found: Layout, columns: Sequence[Column], values: Sequence[int], width: int
) -> Layout:
    """Shorter values, then headers of one word per line, then smaller gaps; or else too wide."""
    squeezed = _shortened(found, columns, width, _SHORT)
    if squeezed.width > width:
        words = [max(map(cell_len, each.header.split()), default=0) for each in columns]
        least = [max(each) for each in zip(words, values, strict=True)]
        widths = [min(now, least[at]) for at, now in zip(found.shown, squeezed.widths, strict=True)]
        squeezed = _shortened(Layout(found.shown, widths), columns, width, _LEAST)
    return squeezed if squeezed.width <= width else squeezed._replace(gap=1)


def _shortened(found: Layout, columns: Sequence[Column], width: int, least: int) -> Layout:
    """Less room for values, the longest first, but for no column less than `least`."""
    widths = found.widths.copy()
    can = [at for at, place in enumerate(found.shown) if not columns[place].whole]
    shorter = found._replace(widths=widths)
    while shorter.width > width and any(widths[at] > least for at in can):
        widths[max(can, key=widths.__getitem__)] -= 1
    return shorter


def _grown(found: Layout, wanted: Sequence[int], width: int) -> Layout:
    """With the widths that are wanted, from left to right, as far as there is room."""
    room = max(width - found.width, 0)
    widths = []
    for place, now in zip(found.shown, found.widths, strict=True):
        more = min(room, max(wanted[place] - now, 0))
        widths.append(now + more)
        room -= more
    return Layout(found.shown, widths, found.gap)
