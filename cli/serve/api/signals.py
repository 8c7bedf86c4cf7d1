"""``Signal``: tells streams that something changed in another thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager, suppress
from time import monotonic

#: Seconds between two looks at whether the server ends, and of quiet after which a stream is fed.
LOOK, QUIET = 0.5, 15.0


class Signal:
    """Wakes all who wait; whoever wakes up looks what has changed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}

    def give(self) -> None:
        """Wake all who wait; from any thread."""
        with self._lock:
            waiting = list(self._waiting.items())
        for event, loop in waiting:
            # A loop that is closed waits for nothing.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(event.set)

    async def awaited(self, closing: threading.Event) -> AsyncGenerator[bool, None]:
        """True at first and after each `give`, False after a quiet while; ends with the server."""
        with self._noted() as event:
            since = monotonic()
            yield True
            while not closing.is_set():
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK):
                        await event.wait()
                woken = event.is_set()
                event.clear()
                if woken or monotonic() - since >= QUIET:
                    since = monotonic()
                    yield woken

    @contextmanager
    def _noted(self) -> Iterator[asyncio.Event]:
        event = asyncio.Event()
        with self._lock:
            self._waiting[event] = asyncio.get_running_loop()
        try:
            yield event
        finally:
            with self._lock:
                del self._waiting[event]
