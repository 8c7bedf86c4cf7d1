"""Work in threads, each of which computes its operations alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Lock
from typing import TypeVar

import torch

Item = TypeVar("Item")
Found = TypeVar("Found")

_starting = Lock()


def side_by_side(run: Callable[[Item], Found], items: Sequence[Item]) -> list[Found]:
    """`run` of each item, in order, in as many threads as PyTorch would use for one operation.

    Threads that share an operation wait at its end for the slowest of them, which may take longer
    than a small operation does, above all if other processes use the CPU too.
    """
    allowed = torch.get_num_threads()
    threads = min(allowed, len(items))
    if threads < 2:
        return [run(item) for item in items]
    share = allowed // threads
    started = Barrier(threads + 1)
    with ThreadPoolExecutor(threads, initializer=_start, initargs=(share, started)) as pool:
        with _starting:
            # No thread is free before all have started, so each of the first items starts one.
            found = [pool.submit(run, item) for item in items]
            started.wait()
            # What a thread sets is also the process's number, which threads begin with.
            torch.set_num_threads(allowed)
        return [each.result() for each in found]


def _start(operation_threads: int, started: Barrier) -> None:
    # A thread's first call replaces its number by the process's.
    torch.get_num_threads()
    torch.set_num_threads(operation_threads)
    started.wait()
