"""Whether a pass that runs out of memory is repeated in smaller parts with the same vectors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pgvoice.hooks.encoders.encoder import Embeddings, Waveform
from pgvoice.hooks.encoders.packing.accelerators import Buffers
from pgvoice_benchmarks.encoding.findings import Findings
from pgvoice_benchmarks.encoding.subject import Subject
from pgvoice_benchmarks.gpu.cards import network_of, replaced, tapes_of
from pgvoice_benchmarks.gpu.parity import REORDERED, difference
from pgvoice_benchmarks.tables import Table

#: The share of a single pass's memory that is left.
LEFT = 0.3
Run = Callable[[Sequence[Waveform], Buffers], Tensor]


class Passes(NamedTuple):
    """The frames of the passes that fitted, and of those that did not."""

    fitted: list[int]
    failed: list[int]


def judge_shortage(subject: Subject, findings: Findings) -> None:
    """Encode all in a single pass, and again with `LEFT` of the memory that this took."""
    network, waveforms = network_of(subject.encoder), subject.waveforms
    frames = sum(_frames(network, waveforms))
    table = Table(f"{subject.name} with {LEFT:.0%} of the memory of a pass", ("what", "found"))
    passes = Passes([], [])
    with tapes_of(frames):
        expected, taken = _measured(subject)
        with (
            _limited(network, taken, frames),
            replaced(network, "run_tape", _watched(network, passes)),
        ):
            rows = subject.encoder.encode(waveforms)
    if taken:
        bound = network.bytes_per_frame
        table.add("KiB for a frame", f"{taken / frames / 1024:.1f}")
        table.add("KiB for a frame that the network expects at most", f"{bound / 1024:.1f}")
        findings.judge(f"{subject.name}: bytes for a frame", taken / frames, bound)
    table.add("frames of the passes that failed", _listed(passes.failed))
    table.add("frames of the passes that fitted", _listed(passes.fitted))
    worst = difference(rows, expected)
    table.add("largest difference from a single pass", f"{worst:.1e}")
    findings.tables.append(table)
    findings.judge(f"{subject.name}, short of memory: largest difference", worst, REORDERED)
    findings.judge(
        f"{subject.name}, short of memory: passes that fitted at once", not passes.failed, 0
    )


def _measured(subject: Subject) -> tuple[Embeddings, int]:
    """The vectors, and the bytes on the card that their pass took beside the weights."""
    if not subject.device.startswith("cuda"):
        return subject.encoder.encode(subject.waveforms), 0
    subject.encoder.encode(subject.waveforms[:1])
    before = torch.cuda.memory_allocated(subject.device)
    torch.cuda.reset_peak_memory_stats(subject.device)
    rows = subject.encoder.encode(subject.waveforms)
    return rows, torch.cuda.max_memory_allocated(subject.device) - before


@contextmanager
def _limited(network: Any, taken: int, frames: int) -> Iterator[None]:
    """Limit the card's memory; a CPU's passes fail as a card's would."""
    device = network.device
    if device.type != "cuda":
        with replaced(network, "run_tape", _failing(network, round(LEFT * frames))):
            yield
        return
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(device).total_memory
    kept = torch.cuda.memory_reserved(device) + LEFT * taken
    torch.cuda.set_per_process_memory_fraction(kept / total, device)
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, device)


def _failing(network: Any, limit: int) -> Run:
    """Its passes, of which those of more frames than `limit` run out of memory."""
    run: Run = network.run_tape

    def run_or_fail(waveforms: Sequence[Waveform], buffers: Buffers) -> Tensor:
        if sum(_frames(network, waveforms)) > limit:
            raise torch.OutOfMemoryError("as on a card")
        return run(waveforms, buffers)

    return run_or_fail


def _watched(network: Any, passes: Passes) -> Run:
    """Its passes, whose frames are recorded."""
    run: Run = network.run_tape

    def run_watched(waveforms: Sequence[Waveform], buffers: Buffers) -> Tensor:
        frames = sum(_frames(network, waveforms))
        try:
            rows = run(waveforms, buffers)
        except RuntimeError:
            passes.failed.append(frames)
            raise
        passes.fitted.append(frames)
        return rows

    return run_watched


def _frames(network: Any, waveforms: Sequence[Waveform]) -> list[int]:
    return [network.features.frames(waveform.size) for waveform in waveforms]


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(f"{number:,}" for number in numbers)
