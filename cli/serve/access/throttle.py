"""``Throttle``: how often something may be tried."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

#: Keys that are remembered at most; one more forgets the one that was tried longest ago.
MOST_KEYS = 10_000


class Throttle:
    """So many tries within so many seconds for each key; threads may share it."""

    def __init__(
        self, tries: int, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._tries = tries
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._tried: OrderedDict[str, list[float]] = OrderedDict()

    def wait(self, key: str) -> float:
        """Count a try; or the seconds until the next one is allowed, if there were too many."""
        now = self._clock()
        with self._lock:
            recent = [at for at in self._tried.pop(key, []) if now - at < self._seconds]
            self._tried[key] = recent
            while len(self._tried) > MOST_KEYS:
                self._tried.popitem(last=False)
            if len(recent) >= self._tries:
                return recent[0] + self._seconds - now
            recent.append(now)
            return 0.0

    def forget(self, key: str) -> None:
        """Do not count the tries so far."""
        with self._lock:
            self._tried.pop(key, None)
