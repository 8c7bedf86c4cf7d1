"""``OpenTurns``: the last turns of a pass, until every segment that depends on them is filled."""

from __future__ import annotations

from collections.abc import Iterable

from pgvoice.store.keys import SegmentKey
from pgvoice.store.turns import Turn

#: How much audio lies between the starts of two turns after which segments are filled.
BATCH_MS = 60_000


class OpenTurns:
    """Turns in order of their starts, and which of their segments no later turn can change."""

    def __init__(self) -> None:
        self._turns: list[tuple[Turn, SegmentKey]] = []
        self._settled_ms = 0
        #: The start of the last turn: a later one starts there or afterwards.
        self.horizon_ms = 0

    def add(self, turn: Turn, key: SegmentKey) -> None:
        self._turns.append((turn, key))
        self.horizon_ms = key.start_ms

    @property
    def are_many(self) -> bool:
        """Whether it is time to fill what is settled."""
        return self.horizon_ms - self._settled_ms >= BATCH_MS

    @property
    def start_ms(self) -> int | None:
        """From when on the audio is still needed; None if nothing is open."""
        return min((key.start_ms for _, key in self._turns), default=None)

    @property
    def keys(self) -> list[SegmentKey]:
        return [key for _, key in self._turns]

    @property
    def labels(self) -> list[str | None]:
        return [turn.label for turn, _ in self._turns]

    def settled(self, needed: Iterable[SegmentKey], *, are_all: bool = False) -> list[SegmentKey]:
        """Those of the needed segments that no later turn changes, besides those settled before.

        Of the clean parts these are the ones that end before the last turn starts. What seem to be
        parts from before the last settlement are none: turns that overlap there are forgotten.
        """
        own, first = set(self.keys), self._settled_ms
        last = None if are_all else self.horizon_ms
        return [
            key
            for key in needed
            if key in own or (first < key.end_ms and (last is None or key.end_ms <= last))
        ]

    def settle(self) -> None:
        """Forget the turns on whose segments later ones have no influence."""
        self._settled_ms = self.horizon_ms
        unsettled = [key.start_ms for _, key in self._turns if key.end_ms > self.horizon_ms]
        earliest = min(unsettled, default=self.horizon_ms)
        self._turns = [(turn, key) for turn, key in self._turns if key.end_ms > earliest]
