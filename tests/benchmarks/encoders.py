"""Encoders on a processor, beside other runtimes: ``python tests/benchmarks/encoders.py --help``.

The published networks one by one, by PyTorch, ONNX Runtime and OpenVINO, and pgvoice's packed pass,
all with the same number of threads, in one run. The floor is the time of the model's multiply-adds
as products of one shape, the fastest, by the fastest of these libraries, in turns with pgvoice's
pass. ``gpu.py`` measures cards.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
from rich.console import Console

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from pgvoice_benchmarks import machine, material
from pgvoice_benchmarks.encoding import exported
from pgvoice_benchmarks.encoding.comparison import (
    BESIDE,
    FLOOR,
    comparison,
    judge,
    rates,
)
from pgvoice_benchmarks.encoding.findings import Findings
from pgvoice_benchmarks.encoding.models import MODELS
from pgvoice_benchmarks.encoding.preloaded import ONE_BY_ONE
from pgvoice_benchmarks.encoding.subject import PGVOICE, Subject, cut
from pgvoice_benchmarks.encoding.tried import TRIED
from pgvoice_benchmarks.report import segments_line
from pgvoice_benchmarks.timing import TURNS, Run, in_turns, processor_time

from pgvoice.hooks.encoders.encoder import Embeddings

WIDTH = 160
#: Seconds of the recording for each segment, as in ``fill.py``.
SPACE = 6.4
GRID_MS = 100
#: Turns of the floor for each of all ways.
MORE = 3
PADDED = "padded"


@click.command()
@click.option("--segments", type=click.IntRange(1), default=64, show_default=True)
@click.option("--turns", type=click.IntRange(1), default=TURNS, show_default=True)
@click.option("--only", type=click.Choice([*MODELS]), help="Only this encoder.")
@click.option("--processor", is_flag=True, help="Count the seconds of all processors.")
@click.option(
    "--also", multiple=True, type=click.Choice([PADDED, *TRIED]), help="Further ways; repeatable."
)
@click.option("--markdown", is_flag=True, help="Print Markdown tables.")
def main(
    segments: int,
    turns: int,
    only: str | None,
    processor: bool,
    also: tuple[str, ...],
    markdown: bool,
) -> None:
    """Measure the encoders; fails if pgvoice's are slower than required, or their vectors wrong."""
    console = Console(width=WIDTH if markdown or not sys.stdout.isatty() else None)
    spans = material.spans(SPACE * segments, segments)
    head(console, f"{material.described()}: {segments_line(spans)}", processor)
    waveforms = cut(material.speech(SPACE * segments), spans, GRID_MS)
    findings = Findings()
    with TemporaryDirectory() as folder, processor_time() if processor else nullcontext():
        for name in MODELS if only is None else [only]:
            subject = Subject(name, Path(folder), waveforms)
            measure(subject, Path(folder), turns, also, findings)
            findings.notes.append(f"{name}: {rates(subject)}")
    findings.show(console, markdown=markdown)
    sys.exit(bool(findings.wrong))


def head(console: Console, what: str, processor: bool) -> None:
    """The command, the date, the machine, and what is measured how."""
    command = shlex.join(["python", "tests/benchmarks/encoders.py", *sys.argv[1:]])
    kind = "seconds of all processors" if processor else "seconds"
    lines = (f"{command}, {date.today()}", machine.describe(), exported.versions(), what)
    for line in (*lines, f"{kind}, the best of alternating runs"):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def measure(
    subject: Subject, folder: Path, turns: int, also: Sequence[str], findings: Findings
) -> None:
    """All ways in turns, then pgvoice's and the floor, which differ least, in more turns."""
    subject.warm_up()
    ways = all_ways(subject, folder, also)
    found = in_turns(subject.name, ways, turns, float("inf"))
    subject.floor.measure()
    pair: dict[str, Run[Any]] = {PGVOICE: ways[PGVOICE], FLOOR: subject.floor.carry_out}
    found[BESIDE] = in_turns(subject.name, pair, MORE * turns, float("inf"))[PGVOICE]
    findings.tables.append(comparison(subject, found))
    judge(subject, found, findings)


def all_ways(subject: Subject, folder: Path, also: Sequence[str]) -> dict[str, Run[Embeddings]]:
    """The runs by name: plain, exported, pgvoice's, and those that are wished."""
    ways = subject.ways()
    own = ways.pop(PGVOICE)
    plain = ways if PADDED in also else {ONE_BY_ONE: ways[ONE_BY_ONE]}
    others = exported.runs(subject.name, folder, subject.waveforms)
    tried = {TRIED[each][0]: TRIED[each][1](subject) for each in also if each != PADDED}
    return {**plain, **others, PGVOICE: own, **tried}


if __name__ == "__main__":
    main()
