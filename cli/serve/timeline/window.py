"""``Window``: the stretch of a recording that the page shows, and the stretches beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pgvoice.cli.serve.timeline.rows import TurnRow

#: Lengths to choose from, in seconds.
LENGTHS = (60.0, 300.0, 600.0, 1800.0, 3600.0)
#: A recording with more turns than this is shown in windows of `USUAL` seconds.
WHOLE = 200
USUAL = 600.0
#: Rows of the table at most.
SHOWN = 100


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of a recording, in seconds."""

    start: float
    end: float
    #: Where the recording ends.
    total: float

    @property
    def seconds(self) -> float:
        return self.end - self.start

    @property
    def is_whole(self) -> bool:
        return self.start <= 0 and self.end >= self.total

    @property
    def earlier(self) -> Window | None:
        """The stretch before this one; None at the start."""
        return None if self.start <= 0 else self._at(self.start - self.seconds, self.seconds)

    @property
    def later(self) -> Window | None:
        """The stretch after this one; None at the end."""
        return None if self.end >= self.total else self._at(self.end, self.seconds)

    @property
    def zooms(self) -> list[tuple[str, Window]]:
        """Windows of other lengths with their names, at the same place; at last the whole."""
        shorter = [length for length in LENGTHS if length < self.total]
        if not shorter:
            return []
        whole = Window(0.0, self.total, self.total)
        return [
            *((f"{length / 60:.0f} min", self._at(self.start, length)) for length in shorter),
            ("all", whole),
        ]

    def from_row(self, row: TurnRow) -> Window:
        """The window from a turn on: where a long table goes on."""
        return Window(row.start, self.end, self.total)

    def tiles(self, most: int = 60) -> list[Window]:
        """The recording in windows of this length, or of a multiple of it that gives fewer."""
        length = self.seconds * max(1, math.ceil(self.total / self.seconds / most))
        count = math.ceil(self.total / length)
        return [self._at(number * length, length) for number in range(count)]

    def _at(self, start: float, length: float) -> Window:
        first = max(0.0, start)
        return Window(first, min(first + length, self.total), self.total)


def window(rows: Sequence[TurnRow], total: float, start: float | None, end: float | None) -> Window:
    """The window asked for, if the recording has such a stretch; else its beginning, or all."""
    last = max(total, max((row.end for row in rows), default=0.0), 1.0)
    if start is not None and start < last:
        until = start + USUAL if end is None or end <= start else end
        return Window(start, min(until, last), last)
    return Window(0.0, last if len(rows) <= WHOLE else min(USUAL, last), last)


def inside(rows: Sequence[TurnRow], shown: Window) -> list[TurnRow]:
    """The rows of which a part is in the window."""
    return [
        row
        for row in rows
        if row.start < shown.end and (row.end > shown.start or row.start >= shown.start)
    ]
