"""``Signal``: tells coroutines that something changed in another thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

#: Seconds between two looks at whether the server ends.
_LOOK = 0.5


async def woken(event: asyncio.Event) -> None:
    """Wait until the event is set, but not for long, as the server may end meanwhile."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_LOOK):
            await event.wait()


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

    @contextmanager
    def awaited(self) -> Iterator[asyncio.Event]:
        """An event that each `give` sets; whoever waits clears it before looking."""
        event = asyncio.Event()
        with self._lock:
            self._waiting[event] = asyncio.get_running_loop()
        try:
            yield event
        finally:
            with self._lock:
                del self._waiting[event]
