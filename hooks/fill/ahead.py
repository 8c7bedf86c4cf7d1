"""``one_ahead``: a thread makes the next item while the caller works on the current one."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
THREAD = "pgvoice-ahead"


def one_ahead(items: Iterator[Item], stop: Callable[[], object]) -> Generator[Item, None, None]:
    """The items in order, at most one of them waiting; an error surfaces in its item's place.

    The caller's own thread makes the first item, as there is nothing else to do yet. Close the
    generator to end the thread: that calls `stop`, which must interrupt the making of an item.
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
