"""What does the work of commands that fill many recordings: workers, until Ctrl-C."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pgvoice.cli import output, terminal
from pgvoice.hooks.encoders.encoder import Encoder
from pgvoice.hooks.encoders.registry import make_encoder
from pgvoice.hooks.ingest.engine import Engine, Here, Processes
from pgvoice.hooks.ingest.on_ray import RayActors
from pgvoice.hooks.segmenters.registry import make_segmenter
from pgvoice.hooks.segmenters.segmenter import Segmenter
from pgvoice.store.voice_store import VoiceStore


def guarded_encoder(encoder: str | None, device: str | None) -> Encoder:
    """The encoder of a worker, which may be in a process of its own."""
    terminal.guard()
    return make_encoder(encoder, device=device)


def guarded_segmenter(segmenter: str | None, device: str | None) -> Segmenter:
    terminal.guard()
    return make_segmenter(segmenter, device=device)


def engine_of(
    store: VoiceStore,
    made: Callable[[], Encoder],
    segmenter: Callable[[], Segmenter],
    workers: int | None,
    ray: str | None,
    cores: int,
) -> Engine:
    """Workers on a Ray cluster, in processes, or this process."""
    if ray is not None:
        return RayActors(store, made, ray, workers, cores, segmenter)
    if workers and workers > 1:
        return Processes(store, made, workers, segmenter)
    return Here(store, made, segmenter)


def say(line: str) -> None:
    """A line on standard error; click.echo would write past a live table."""
    sys.stderr.write(f"{output.printable(line)}\n")


@contextmanager
def stop_requested(busy: Callable[[], str | None]) -> Iterator[Callable[[], bool]]:
    """Gives whether Ctrl-C or a termination signal arrived; the second one stops at once.

    `busy` names what is finished first, if anything is.
    """
    requested = False

    def handle(_number: int, _frame: object) -> None:
        nonlocal requested
        if requested:
            raise KeyboardInterrupt
        requested = True
        if unfinished := busy():
            say(f"finishing {unfinished}; press again to stop at once")

    before = {each: signal.signal(each, handle) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: requested
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
