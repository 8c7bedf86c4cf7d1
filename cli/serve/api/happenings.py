"""``Happenings``: what happens in the library, for all who follow it, from one connection."""

from __future__ import annotations

import secrets
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from pgvoice.cli.serve.api.signals import Signal
from pgvoice.store.upkeep.events import Event, Listening
from pgvoice.store.voice_store import VoiceStore

#: Who may follow at a time, and events that are kept for those who come back.
MOST_LISTENERS, MOST_KEPT = 50, 500


class TooManyListeners(Exception):
    """So many follow what happens that nobody else can."""


class Happening(NamedTuple):
    """An event with its number."""

    number: int
    event: Event


class Happenings:
    """Listens from the first who follows until it is closed; threads may share it."""

    def __init__(self, store: VoiceStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._kept: deque[Happening] = deque(maxlen=MOST_KEPT)
        self._listening: Listening | None = None
        self._thread: threading.Thread | None = None
        self._listeners = 0
        #: Of this process: numbers of others mean nothing here.
        self._epoch = secrets.token_hex(4)
        self.changed = Signal()

    @contextmanager
    def followed(self) -> Iterator[None]:
        """One more follows what happens. Raises `TooManyListeners`, `DatabaseError`."""
        with self._lock:
            if self._listeners >= MOST_LISTENERS:
                raise TooManyListeners
            if self._thread is None or not self._thread.is_alive():
                self._listening = self._store.events.listen()
                self._thread = threading.Thread(
                    target=self._listen, args=(self._listening,), daemon=True
                )
                self._thread.start()
            self._listeners += 1
        try:
            yield
        finally:
            with self._lock:
                self._listeners -= 1

    def since(self, number: int) -> Sequence[Happening]:
        """What happened after an event, as far as it is kept."""
        with self._lock:
            return [each for each in self._kept if each.number > number]

    def newest(self) -> int:
        """The number of the newest event; 0 before the first."""
        with self._lock:
            return self._kept[-1].number if self._kept else 0

    def id_of(self, number: int) -> str:
        """What a browser sends back to go on after an event."""
        return f"{self._epoch}-{number}"

    def number_of(self, sent: str) -> int | None:
        """The number of an event by its id; None if what came after it is not known any more."""
        epoch, _, digits = sent.partition("-")
        if epoch != self._epoch or not (digits.isascii() and digits.isdecimal()):
            return None
        number = int(digits[:18])
        with self._lock:
            first = self._kept[0].number if self._kept else 1
            newest = self._kept[-1].number if self._kept else 0
        return number if first - 1 <= number <= newest else None

    def close(self) -> None:
        """End listening."""
        with self._lock:
            listening, thread = self._listening, self._thread
        if listening is not None:
            listening.close()
        if thread is not None:
            thread.join()

    def _listen(self, listening: Listening) -> None:
        for number, event in enumerate(listening, self.newest() + 1):
            with self._lock:
                self._kept.append(Happening(number, event))
            self.changed.give()
