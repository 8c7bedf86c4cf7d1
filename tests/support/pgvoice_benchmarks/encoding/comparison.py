"""The table of all ways from waveforms to vectors, and what is required of pgvoice's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from pgvoice.hooks.encoders.encoder import Embeddings
from pgvoice_benchmarks.encoding.exported import ONNX
from pgvoice_benchmarks.encoding.findings import Findings
from pgvoice_benchmarks.encoding.preloaded import ONE_BY_ONE, worst_cosine
from pgvoice_benchmarks.encoding.products import Rate
from pgvoice_benchmarks.encoding.subject import PGVOICE, Subject
from pgvoice_benchmarks.tables import NOTHING, Table, ratio, seconds
from pgvoice_benchmarks.timing import Timed

FLOOR = "floor"
BESIDE = f"{PGVOICE}, in turns with the floor alone"
#: By encoder, the most that pgvoice's time may be of other times.
REQUIRED = {"ecapa": {ONE_BY_ONE: 0.75, FLOOR: 1.25}, "campplus": {ONNX: 0.5}}
#: The most that a cosine with the plain model's vector may lack of 1.
LACKING = 1e-5
Ways = Mapping[str, Timed[Embeddings]]


class Times(NamedTuple):
    """Seconds that others are compared with."""

    alone: float
    onnx: float | None
    floor: float

    @classmethod
    def of(cls, subject: Subject, ways: Ways) -> Times:
        onnx = ways[ONNX].seconds if ONNX in ways else None
        return cls(ways[ONE_BY_ONE].seconds, onnx, subject.floor.seconds)

    def ratios(self, taken: float) -> tuple[str, ...]:
        return tuple(ratio(taken, other) for other in self)


def comparison(subject: Subject, ways: Ways) -> Table:
    """A row for each way, and one for the floor."""
    alone, times = ways[ONE_BY_ONE].result, Times.of(subject, ways)
    work = subject.floor.total / 1e9
    table = Table(
        f"{subject.name}: {len(subject.waveforms)} waveforms in memory,"
        f" {work:,.0f} G multiply-adds; {subject.plain.weights}",
        ("what", "seconds", "of one by one", "of ONNX Runtime", "of the floor", "worst cosine"),
    )
    for name, way in ways.items():
        worst = f"{worst_cosine(way.result, alone):.6f}"
        table.add(name, seconds(way.seconds), *times.ratios(way.seconds), worst)
    floor = times.floor
    table.add(_floor(subject.floor.best), seconds(floor), *times.ratios(floor), NOTHING)
    return table


def _floor(best: Rate) -> str:
    (inputs, outputs), library, per_second = best
    return f"{FLOOR}: all at {per_second / 1e9:.0f} G/s ({inputs} x {outputs} by {library})"


def rates(subject: Subject) -> str:
    """What the floor was chosen among, on one line."""
    found = (
        f"{library} {per_second / 1e9:.0f} ({inputs} x {outputs})"
        for (inputs, outputs), library, per_second in subject.floor.tried
    )
    return f"fastest products, G multiply-adds/s, once each: {', '.join(found)}"


def judge(subject: Subject, ways: Ways, findings: Findings) -> None:
    """Compare pgvoice's time and vectors with what is required of them."""
    taken, vectors = ways[PGVOICE].seconds, ways[PGVOICE].result
    beside = ways.get(BESIDE, ways[PGVOICE]).seconds / subject.floor.seconds
    ratios = {name: taken / way.seconds for name, way in ways.items()} | {FLOOR: beside}
    for name, most in REQUIRED[subject.name].items():
        findings.judge(f"{subject.name}, time divided by {name}", ratios[name], most)
    lacking = 1 - worst_cosine(vectors, ways[ONE_BY_ONE].result)
    findings.judge(f"{subject.name}, 1 - worst cosine to one by one", abs(lacking), LACKING)
