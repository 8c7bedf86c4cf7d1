"""``BrowserSessions``: who has come in, kept in memory alone."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

#: Seconds without a request after which a session ends, and after which each ends.
IDLE = 12 * 3600.0
LONGEST = 7 * 24 * 3600.0
#: Sessions at most; one more ends the one that was idle for longest.
MOST = 1_000


@dataclass(slots=True)
class BrowserSession:
    """A browser that has come in."""

    #: Says which session it is, and opens nothing.
    id: str
    author: str
    began: float
    used: float


class BrowserSessions:
    """Sessions by the hash of what the browser's cookie holds; threads may share them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._sessions: OrderedDict[str, BrowserSession] = OrderedDict()

    def begin(self, author: str) -> str:
        """A new session; returns what its cookie holds."""
        secret = secrets.token_urlsafe(32)
        key, now = _hash(secret), self._clock()
        with self._lock:
            self._sessions[key] = BrowserSession(key, author, now, now)
            while len(self._sessions) > MOST:
                self._sessions.popitem(last=False)
        return secret

    def find(self, secret: str) -> BrowserSession | None:
        """The session of a cookie; None if there is none, or it has ended."""
        key, now = _hash(secret), self._clock()
        with self._lock:
            found = self._sessions.get(key)
            if found is None:
                return None
            if now - found.used > IDLE or now - found.began > LONGEST:
                del self._sessions[key]
                return None
            found.used = now
            self._sessions.move_to_end(key)
            return found

    def end(self, secret: str) -> None:
        with self._lock:
            self._sessions.pop(_hash(secret), None)

    def __len__(self) -> int:
        return len(self._sessions)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
