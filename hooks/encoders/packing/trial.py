"""Which kernels and which length of a tape suit the processor at hand: tried once, remembered.

The vectors of two choices differ in their last digits, as sums are taken in another order. So the
first choice on a machine stays, and without a place to keep it there is none.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, TypeVar

import numpy as np
import torch

from pgvoice.hooks.encoders.encoder import Waveform
from pgvoice.hooks.encoders.packing.accelerators import CPU_FRAMES
from pgvoice.hooks.encoders.packing.packed_network import PackedNetwork
from pgvoice.hooks.encoders.packing.remembered import Remembered, processor, usual_folder

#: The environment variable that forbids the trial if it is 0.
TRIAL_VARIABLE = "PGVOICE_TRIAL"
#: Counts the changes after which earlier choices do not count any more.
VERSION = 3
#: Frames of a tape, besides the default.
FRAMES = (800,)
#: Seconds after which no run starts.
SECONDS = 6.0
#: What takes more of the default's time is not chosen. Two runs of the same differ by a twentieth.
BETTER = 0.92
#: Runs of the default and of the best other, in turn; the default stays if they take too long.
RUNS = 2
#: Samples at 16 kHz of the made-up segments that each thread encodes: one tape of the default.
SIZES = (16_000, 24_000, 32_000, 40_000, 56_000, 86_000)

T = TypeVar("T")


class Way(NamedTuple):
    """How a network runs on a CPU."""

    kernels: str
    frames: int


def fitted(build: Callable[[str], PackedNetwork], kind: type[PackedNetwork]) -> PackedNetwork:
    """The network of this kind, from its kernels, as this CPU runs it best.

    The first load tries that out, for at most `SECONDS` and the time of a run.
    """
    if os.environ.get(TRIAL_VARIABLE) == "0":
        return build(kind.KERNELS[0])
    built: dict[str, PackedNetwork] = {}
    remembered = Remembered(usual_folder(), _machine(kind), partial(_way, kind))
    way = remembered.get(lambda: _tried(build, kind, built)._asdict())
    if way is None:
        network = build(kind.KERNELS[0])
        network.chosen = f"not tried for speed, as nothing can be kept in {remembered.folder}"
        return network
    network = built[way.kernels] if way.kernels in built else build(way.kernels)
    network.tape_frames = way.frames
    found = f"kernels {way.kernels}, tapes of {way.frames} frames"
    network.chosen = f"{found}; delete {remembered.path} to try again"
    return network


def _tried(
    build: Callable[[str], PackedNetwork],
    kind: type[PackedNetwork],
    built: dict[str, PackedNetwork],
) -> Way:
    """The choice; leaves the networks that it built in `built`."""
    default, *others = kind.KERNELS
    built[default] = build(default)
    sound = _sound()

    def run(way: Way) -> None:
        network = built[way.kernels]
        network.tape_frames = way.frames
        network.encode(sound)

    ways = [Way(default, frames) for frames in (CPU_FRAMES, *FRAMES)]
    for kernels in others:
        way = Way(kernels, CPU_FRAMES)
        try:
            built[kernels] = build(kernels)
            run(way)
        except (AttributeError, NotImplementedError, RuntimeError):
            continue  # this build of Torch has none
        ways.append(way)
    return choose(ways, run)


def choose(
    ways: Sequence[T], run: Callable[[T], object], clock: Callable[[], float] = time.perf_counter
) -> T:
    """The first of the ways, which is the default, or another that is clearly faster.

    Each runs once, then the default and the fastest other in turn.
    """
    default, *others = ways
    end = clock() + SECONDS

    def timed(way: T) -> float:
        start = clock()
        run(way)
        return clock() - start

    timed(default)
    first: list[float] = []
    for way in others:
        if clock() >= end:
            return default
        first.append(timed(way))
    if not first:
        return default
    rival = others[first.index(min(first))]
    taken: dict[bool, list[float]] = {False: [], True: []}
    for is_rival in (False, True) * RUNS:
        if clock() >= end:
            return default
        taken[is_rival].append(timed(rival if is_rival else default))
    return rival if min(taken[True]) < BETTER * min(taken[False]) else default


def _sound() -> list[Waveform]:
    """Made up; a tape for each thread."""
    rng = np.random.default_rng(0)
    one = [rng.normal(0, 0.1, size).astype(np.float32) for size in SIZES]
    return one * torch.get_num_threads()


def _machine(kind: type[PackedNetwork]) -> dict[str, object]:
    """All that the choice depends on."""
    return {
        "processor": processor(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "network": kind.__name__,
        "kernels": list(kind.KERNELS),
        "version": VERSION,
    }


def _way(kind: type[PackedNetwork], found: dict[str, object]) -> Way:
    """Raises `ValueError` for what is no choice for this kind of network."""
    way = Way(str(found.get("kernels")), int(str(found.get("frames"))))
    if way.kernels not in kind.KERNELS or way.frames not in (CPU_FRAMES, *FRAMES):
        raise ValueError(f"{found} is no choice for {kind.__name__}")
    return way
