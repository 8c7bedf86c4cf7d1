"""``ClipCache``: the clips that were asked for last, so many bytes of them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future


class ClipCache:
    """Keeps what was made, and makes nothing twice at a time; threads may share it."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, bytes] = OrderedDict()
        self._bytes = 0
        self._making: dict[Hashable, Future[bytes]] = {}

    def get(self, key: Hashable, make: Callable[[], bytes]) -> bytes:
        """What is kept under the key, or else what `make` returns, or whoever makes it now.

        Raises what `make` raises; that is not kept.
        """
        with self._lock:
            if (kept := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
                return kept
            making = self._making.get(key)
            mine = making is None
            if making is None:
                making = self._making[key] = Future()
        if mine:
            self._make(key, make, making)
        return making.result()

    def _make(self, key: Hashable, make: Callable[[], bytes], making: Future[bytes]) -> None:
        try:
            made = make()
        except BaseException as error:
            with self._lock:
                del self._making[key]
            making.set_exception(error)
        else:
            with self._lock:
                del self._making[key]
                self._keep(key, made)
            making.set_result(made)

    def _keep(self, key: Hashable, made: bytes) -> None:
        self._kept[key] = made
        self._bytes += len(made)
        while self._bytes > self._most_bytes:
            _, dropped = self._kept.popitem(last=False)
            self._bytes -= len(dropped)
