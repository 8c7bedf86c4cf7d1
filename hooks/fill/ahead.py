"""``one_ahead``: make the next of something in a thread, while the caller works on the last."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
THREAD = "pgvoice-ahead"


def one_ahead(items: Iterator[Item], stop: Callable[[], object]) -> Generator[Item, None, None]:
    """The items in order, of which one at most waits; what making one raises comes in its turn.

    The first is made by the caller's own thread, as there is nothing to do meanwhile. Close it to
    end the thread: `stop` is called then, and has the making of the next come to an end.
    """
    none = object()
    item = next(items, none)
    pool = ThreadPoolExecutor(1, THREAD)
    try:
        while item is not none:
            coming = pool.submit(next, items, none)
            yield item  # type: ignore[misc]
            item = coming.result()
    finally:
        stop()
        pool.shutdown(cancel_futures=True)
