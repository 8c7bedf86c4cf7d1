"""The encoders on a card, checked against the CPU and measured: ``gpu.py --help``.

It needs no database, no network and no weights of ECAPA, which are seeded random ones. It decodes
and encodes but stores nothing. ``gpu.py --pack FOLDER`` collects what it needs on a machine that
only has PyTorch; ``sh FOLDER/run.sh`` runs it there: on an H200, in less than four minutes.
"""

from __future__ import annotations

import shlex
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from pgvoice_benchmarks import machine, material
from pgvoice_benchmarks.encoding.findings import Findings
from pgvoice_benchmarks.encoding.models import MODELS
from pgvoice_benchmarks.encoding.subject import Subject, cut
from pgvoice_benchmarks.gpu.bundle import MOST_MIB, pack, size_mib
from pgvoice_benchmarks.gpu.cards import describe_device
from pgvoice_benchmarks.gpu.decoding_ahead import measure_ahead, write_flac
from pgvoice_benchmarks.gpu.parity import judge_neighbours, judge_parity
from pgvoice_benchmarks.gpu.shortage import judge_shortage
from pgvoice_benchmarks.gpu.speed import measure_speed, measure_tapes, profiled
from pgvoice_benchmarks.material import RATE
from pgvoice_benchmarks.report import material_line

from pgvoice.hooks.encoders.encoder import Waveform
from pgvoice.hooks.encoders.lazy import choose_device

WIDTH = 160
#: Seconds of the shortest waveform that is compared with the CPU's vectors.
SHORTEST = 0.1
STEPS = ("parity", "neighbours", "shortage", "ahead", "speed", "tapes", "profile")


@click.command()
@click.option("--device", default="cuda:0", show_default=True)
@click.option("--segments", "number", type=click.IntRange(2), default=281, show_default=True)
@click.option("--minutes", type=float, default=30, show_default=True)
@click.option(
    "--lengths",
    type=click.IntRange(2),
    default=40,
    show_default=True,
    help="Compare this many waveforms with the CPU's vectors.",
)
@click.option("--longest", type=float, default=60, show_default=True, help="Seconds of these.")
@click.option(
    "--step", "steps", type=click.Choice(STEPS), multiple=True, help="Only this; can be repeated."
)
@click.option(
    "--profiles",
    type=click.Path(path_type=Path),
    default="profiles",
    show_default=True,
    help="The folder for the profiles, which are written if they are asked for as a step.",
)
@click.option("--markdown", is_flag=True, help="Print Markdown tables.")
@click.option("--pack", "packed", type=click.Path(path_type=Path), help="Only fill this folder.")
@click.option("--python", default="3.12", show_default=True, help="The Python to pack for.")
def main(
    packed: Path | None, python: str, markdown: bool, steps: tuple[str, ...], **options: Any
) -> None:
    """Check the encoders on a card and measure them; fails if a value is wrong."""
    if packed:
        script, size = pack(packed, python), size_mib(packed)
        click.echo(f"{script}: {size:.1f} MiB with all that it needs")
        sys.exit(size > MOST_MIB)
    start = time.perf_counter()
    console = Console(width=WIDTH if markdown or not sys.stdout.isatty() else None)
    with tempfile.TemporaryDirectory() as folder:
        plan = Plan(folder=Path(folder), steps=steps or STEPS[:-1], **options)
        head(plan, console)
        findings = Findings()
        examine(plan, findings, console)
    findings.notes.append(f"the whole run took {time.perf_counter() - start:.0f} s")
    findings.show(console, markdown=markdown)
    sys.exit(bool(findings.wrong))


def head(plan: Plan, console: Console) -> None:
    command = shlex.join(["python", "tests/benchmarks/gpu.py", *sys.argv[1:]])
    spans = material.spans(60 * plan.minutes, plan.number)
    for line in (
        f"{command}, {date.today()}",
        machine.describe(),
        describe_device(plan.device),
        material_line(spans, plan.minutes, material.described()),
    ):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


@dataclass(frozen=True, slots=True)
class Plan:
    """The options of a run."""

    folder: Path
    device: str
    number: int
    minutes: float
    lengths: int
    longest: float
    profiles: Path
    steps: tuple[str, ...]


def examine(plan: Plan, findings: Findings, console: Console) -> None:
    """The steps with both encoders; one that fails does not stop the others."""
    seconds = 60 * plan.minutes
    samples, spans = material.speech(seconds), material.spans(seconds, plan.number)
    audio, device = write_flac(plan.folder, samples), choose_device(plan.device)
    for name in MODELS:
        subject = Subject(name, plan.folder, cut(samples, spans, 100), device)
        various = Subject(name, plan.folder, lengths(samples, plan), device)
        for step, run in {
            "parity": partial(judge_parity, various),
            "neighbours": partial(judge_neighbours, various),
            "shortage": partial(judge_shortage, subject),
            "ahead": partial(measure_ahead, subject, audio, spans),
            "speed": partial(measure_speed, subject, audio, spans),
            "tapes": partial(measure_tapes, subject),
            "profile": partial(write_profile, subject, plan.profiles),
        }.items():
            if step in plan.steps:
                try_step(f"{name}, {step}", partial(run, findings), findings, console)


def try_step(name: str, run: Callable[[], object], findings: Findings, console: Console) -> None:
    start = time.perf_counter()
    try:
        run()
    except Exception as error:
        findings.wrong.append(f"{name}: {type(error).__name__}: {error}")
        console.print_exception(width=WIDTH)
    console.print(f"{name}: {time.perf_counter() - start:.1f} s", style="dim")


def lengths(samples: Waveform, plan: Plan) -> list[Waveform]:
    """Waveforms from the shortest to the longest, in mixed order, taken here and there."""
    rng = np.random.default_rng(0)
    sizes = np.geomspace(SHORTEST * RATE, plan.longest * RATE, plan.lengths).astype(int)
    sizes = rng.permutation(np.minimum(sizes, len(samples)))
    starts = [rng.integers(len(samples) - size + 1) for size in sizes]
    return [samples[start : start + size] for start, size in zip(starts, sizes, strict=True)]


def write_profile(subject: Subject, folder: Path, _findings: Findings) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{subject.name}.txt").write_text(profiled(subject))


if __name__ == "__main__":
    main()
