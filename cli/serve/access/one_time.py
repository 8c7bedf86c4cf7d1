"""``OneTimeToken``: what a link has to hold to let one browser in."""

from __future__ import annotations

import secrets
import threading


class OneTimeToken:
    """A token that is exchanged for a session; the next one replaces it then."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.current = secrets.token_urlsafe(32)

    def use(self, given: str) -> bool:
        """Whether this is the token; if so, it is so for the last time."""
        with self._lock:
            is_current = same(given, self.current)
            if is_current:
                self.current = secrets.token_urlsafe(32)
            return is_current


def same(given: str, expected: str) -> bool:
    """Compare secrets in a time that says nothing about them."""
    return secrets.compare_digest(given.encode(errors="replace"), expected.encode())
