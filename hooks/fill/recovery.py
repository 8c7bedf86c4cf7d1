"""``Recovery``: repeats a fill when the database goes away, and knows what it stored."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from pgvoice.store.errors import ConnectionLost, DatabaseUnreachable, RowsStored, WrongPassword
from pgvoice.store.keys import SegmentKey
from pgvoice.store.recordings.segment_rows import SegmentRow

#: Seconds to wait before each further attempt; from the first again after an attempt that stored
#: something.
RETRY_SECONDS = (0.1, 0.4, 1.0, 2.0, 4.0, 8.0, 16.0)


class Recovery:
    """Repeats the attempts of one fill, and remembers which of its rows are stored."""

    def __init__(self) -> None:
        #: Rows that the fill stored, by status.
        self.stored: Counter[str] = Counter()
        #: A batch whose write did not end: the server may have stored it before it went away.
        self.uncertain: list[SegmentRow] = []

    def attempt(self, fill: Callable[[], None]) -> None:
        """Call `fill` until it returns, and wait for the database before each repetition.

        Raises `DatabaseError` as `fill` does if repeating cannot help, or did not help.
        """
        waits, before = deque(RETRY_SECONDS), 0
        while True:
            try:
                return fill()
            except WrongPassword:
                raise
            except (ConnectionLost, DatabaseUnreachable, RowsStored):
                if self.stored.total() > before:
                    waits, before = deque(RETRY_SECONDS), self.stored.total()
                if not waits:
                    raise
                time.sleep(waits.popleft())

    @contextmanager
    def writing(self, rows: list[SegmentRow]) -> Iterator[None]:
        """Count `rows` as stored if the body returns, and as uncertain if it raises."""
        self.uncertain = rows
        yield
        self.uncertain = []
        self.stored.update(row.status for row in rows)

    def settle(self, missing: Sequence[SegmentKey]) -> list[SegmentRow]:
        """The uncertain rows that are missing and have to be written again; others are stored."""
        uncertain, self.uncertain = self.uncertain, []
        lacking = set(missing)
        self.stored.update(row.status for row in uncertain if row.key not in lacking)
        return [row for row in uncertain if row.key in lacking]
