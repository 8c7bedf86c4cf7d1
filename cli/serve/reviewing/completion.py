"""``Completion``: the names of enrolled people that begin as somebody types."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

#: Seconds until names are read again, so that a letter costs no statement.
FRESH = 5.0
#: Names that are offered.
OFFERED = 8


class Completion:
    """Names to choose from; threads may share it."""

    def __init__(
        self, read: Callable[[], Iterable[str]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._read, self._clock = read, clock
        self._lock = threading.Lock()
        self._names: list[str] = []
        self._read_at: float | None = None

    def names(self, start: str) -> list[str]:
        """Names with a word that begins so, whatever its case; the first word's come first."""
        sought = start.casefold().strip()
        found = [name for name in self._fresh() if f" {sought}" in f" {name.casefold()}"]
        found.sort(key=lambda name: (not name.casefold().startswith(sought), name.casefold()))
        return found[:OFFERED]

    def forget(self) -> None:
        """Read the names again when they are needed next: one was added."""
        with self._lock:
            self._read_at = None

    def _fresh(self) -> list[str]:
        with self._lock:
            now = self._clock()
            if self._read_at is None or now - self._read_at > FRESH:
                self._names, self._read_at = list(dict.fromkeys(self._read())), now
            return self._names
