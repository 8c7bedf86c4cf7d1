"""Seconds of speech per second: pgvoice's encoder, and what it replaces, on the same device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from torch.profiler import ProfilerActivity, profile

from pgvoice.hooks.encoders.encoder import Embeddings
from pgvoice_benchmarks import original
from pgvoice_benchmarks.encoding import preloaded
from pgvoice_benchmarks.encoding.findings import Findings
from pgvoice_benchmarks.encoding.products import Product, card_rate
from pgvoice_benchmarks.encoding.subject import PGVOICE, Subject
from pgvoice_benchmarks.gpu.cards import network_of, replaced, tapes_of
from pgvoice_benchmarks.material import RATE, Span
from pgvoice_benchmarks.tables import NOTHING, Table, ratio
from pgvoice_benchmarks.timing import Run, Timed, ignore, in_turns, timed

ORIGINAL = "original way, from a file"
ROUNDED, HALF = "pgvoice's encoder, TF32", "pgvoice's encoder, bfloat16"
#: What is aimed at on a card: times the speed of the original way, and the share of its rate.
AIMS = 100, 0.4
#: The original way is measured on every so many segments.
STEP = 8
#: A product that keeps a card as busy as it can be.
SQUARE = Product(8192, 8192)
#: Frames of a tape.
TAPES = (6_000, 15_000, 30_000, 60_000, 120_000)
#: Kernels and operators in a profile.
LINES = 25


class Rates(NamedTuple):
    """Multiply-adds per second of the fastest product, in whole float32 and in TF32."""

    whole: float
    rounded: float


def measure_rates(subject: Subject) -> Rates:
    """The fastest of the model's products and of a large square one."""
    subject.floor.measure()
    best, device = subject.floor.best, subject.device
    if device == "cpu":
        return Rates(best.per_second, best.per_second)
    rounded = (card_rate(each, device, "tf32").per_second for each in (best.product, SQUARE))
    return Rates(max(best.per_second, card_rate(SQUARE, device).per_second), max(rounded))


def measure_speed(subject: Subject, audio: Path, spans: Sequence[Span], findings: Findings) -> None:
    """All ways from waveforms to vectors, and the original one from a file."""
    subject.warm_up()
    runs = subject.ways() | _encoder(subject)
    sample = spans[::STEP]
    original.embed(subject.plain, audio, sample[:1], ignore)
    heard = sum(end - start for start, end in sample)
    taken = timed(lambda: original.embed(subject.plain, audio, sample, ignore)).seconds
    found = {ORIGINAL: heard / taken}
    ways = in_turns(subject.name, runs)
    found |= {name: _seconds(subject) / way.seconds for name, way in ways.items()}
    rates = measure_rates(subject)
    findings.tables.append(_table(subject, found, ways, rates))
    reached = found[PGVOICE] / found[ORIGINAL], found[PGVOICE] * _work(subject) / rates.whole
    findings.notes.append(aims(subject.name, *reached))


def aims(name: str, times: float, share: float) -> str:
    """Whether an encoder reaches what is aimed at on a card."""
    least_times, least_share = AIMS
    return (
        f"{name}, the aims on a card: {times:,.0f} times the original way, of {least_times}:"
        f" {_reached(times >= least_times)}; {share:.0%} of the device's rate, of"
        f" {least_share:.0%}: {_reached(share >= least_share)}"
    )


def _reached(whether: bool) -> str:
    return "reached" if whether else "not reached"


def rounded(subject: Subject, precision: str = "tf32") -> Embeddings:
    """The vectors with products in another precision."""
    with replaced(network_of(subject.encoder), "precision", precision):
        return subject.encoder.encode(subject.waveforms)


def _table(
    subject: Subject,
    found: Mapping[str, float],
    ways: Mapping[str, Timed[Embeddings]],
    rates: Rates,
) -> Table:
    speech, work = _seconds(subject), _work(subject)
    table = Table(
        f"{subject.name}: {len(subject.waveforms)} segments, {speech:.0f} s, {work / 1e9:.2f} G"
        f" multiply-adds a second of speech; the device's products reach {rates.whole / 1e12:.2f} T"
        f" a second in float32, {rates.rounded / 1e12:.2f} T in TF32; {subject.plain.weights}",
        ("what", "speech, s/s", "times original", "share of rate", "worst cosine to one by one"),
    )
    alone = ways[preloaded.ONE_BY_ONE].result
    for name, speed in found.items():
        reached = {PGVOICE: rates.whole, ROUNDED: rates.rounded}.get(name)
        share = f"{speed * work / reached:.0%}" if reached else NOTHING
        cosine = NOTHING
        if name in ways:
            cosine = f"{preloaded.worst_cosine(ways[name].result, alone):.6f}"
        table.add(name, f"{speed:,.0f}", ratio(speed, found[ORIGINAL]), share, cosine)
    return table


def measure_tapes(subject: Subject, findings: Findings, tapes: Sequence[int] = TAPES) -> None:
    """The encoder with tapes of several lengths."""
    table = Table(
        f"{subject.name} by the length of a tape", ("frames", "speech, s/s", "TF32", "bfloat16")
    )
    for frames in tapes:
        with tapes_of(frames):
            ways = in_turns(f"{frames} frames", _encoder(subject))
        speeds = (_seconds(subject) / way.seconds for way in ways.values())
        table.add(f"{frames:,}", *(f"{speed:,.0f}" for speed in speeds))
    findings.tables.append(table)


def _encoder(subject: Subject) -> dict[str, Run[Embeddings]]:
    """The encoder in each precision."""
    return {
        PGVOICE: lambda _progress: timed(lambda: subject.encoder.encode(subject.waveforms)),
        ROUNDED: lambda _progress: timed(lambda: rounded(subject)),
        HALF: lambda _progress: timed(lambda: rounded(subject, "bf16")),
    }


def _seconds(subject: Subject) -> float:
    return sum(waveform.size for waveform in subject.waveforms) / RATE


def _work(subject: Subject) -> float:
    """Multiply-adds for a second of speech."""
    return subject.floor.total / _seconds(subject)


def profiled(subject: Subject) -> str:
    """The operators of one call of the encoder that take longest."""
    kinds, order = [ProfilerActivity.CPU], "self_cpu_time_total"
    if subject.device.startswith("cuda"):
        kinds, order = [*kinds, ProfilerActivity.CUDA], "self_device_time_total"
    subject.encoder.encode(subject.waveforms)
    with profile(activities=kinds) as found:
        subject.encoder.encode(subject.waveforms)
    averages: Any = found.key_averages()
    return str(averages.table(sort_by=order, row_limit=LINES, max_name_column_width=90))
