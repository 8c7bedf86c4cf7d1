"""The speed of a fill and of the way it replaces: ``python tests/benchmarks/fill.py --help``.

Half an hour of speech with 281 segments is embedded segment by segment from its file; one by one,
in padded batches, by ONNX Runtime and by OpenVINO from memory; and by `fill`. The floor is the time
of the model's products.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import click
from rich.console import Console

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from pgvoice_benchmarks import machine, material, original
from pgvoice_benchmarks.encoding import exported, preloaded
from pgvoice_benchmarks.encoding.comparison import comparison, rates
from pgvoice_benchmarks.encoding.exported import versions
from pgvoice_benchmarks.encoding.models import MODELS
from pgvoice_benchmarks.encoding.subject import Subject, cut
from pgvoice_benchmarks.fills import EVERY, FillRuns
from pgvoice_benchmarks.material import FORMATS, Span
from pgvoice_benchmarks.report import COLD, ORIGINAL, file_table, material_line
from pgvoice_benchmarks.tables import Table
from pgvoice_benchmarks.timing import LONG, TURNS, Progress, Run, Timed, ignore, in_turns, timed
from pgvoice_testkit.servers.databases import temporary_folder, temporary_store

from pgvoice.cli.output import waiting
from pgvoice.hooks import FillReport
from pgvoice.store import VoiceStore

WIDTH = 160
NOTES = (
    f"A time under {LONG:g} s is the best of {TURNS} alternating runs, with models loaded and the"
    " server started before. The original way loads each segment from the file with librosa,"
    " writes it as a WAV, loads that and encodes it alone; without the program ffmpeg, librosa"
    " cannot read some formats. The floor is the plain model's multiply-adds divided by the best"
    " rate of this machine's matrix products in the same run."
)


@click.command()
@click.option("--encoder", "which", type=click.Choice([*MODELS, "both"]), default="both")
@click.option("--formats", default=",".join(FORMATS), show_default=True)
@click.option("--segments", "number", type=click.IntRange(1), default=281, show_default=True)
@click.option("--minutes", type=float, default=30, show_default=True)
@click.option(
    "--original-sample",
    "step",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Measure the original way on every Nth segment only, and scale it up.",
)
@click.option("--markdown", is_flag=True, help="Print Markdown tables.")
def main(which: str, formats: str, number: int, minutes: float, step: int, markdown: bool) -> None:
    """Measure fills, and the alternatives to compare them with, in one run."""
    wanted = formats.split(",")
    if unknown := set(wanted) - set(FORMATS):
        raise click.BadParameter(f"{', '.join(unknown)}: there are {', '.join(FORMATS)}")
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    spans = material.spans(minutes * 60, number)
    head(console, material_line(spans, minutes, material.described()))
    with temporary_folder() as folder, temporary_store() as store:
        with waiting("making recordings"):
            samples = material.speech(minutes * 60)
            files = {name: material.write(folder, name, samples) for name in wanted}
        waveforms = cut(samples, spans, store.grid_ms)
        for name in MODELS if which == "both" else (which,):
            subject = Subject(name, folder, waveforms)
            for table in measure(subject, store, files, spans, step, folder):
                table.show(console, markdown=markdown)
            console.print(rates(subject), highlight=False, soft_wrap=True)


def head(console: Console, what: str) -> None:
    """The command, the date, the machine, and what is measured how."""
    command = shlex.join(["python", "tests/benchmarks/fill.py", *sys.argv[1:]])
    for line in (f"`{command}`, {date.today()}", machine.describe(), versions(), what, NOTES):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
        console.print()


def measure(
    subject: Subject,
    store: VoiceStore,
    files: Mapping[str, Path],
    spans: list[Span],
    step: int,
    folder: Path,
) -> list[Table]:
    """A table of runs on waveforms in memory, and one of runs on files."""
    subject.warm_up()
    subject.floor.measure()
    others = exported.runs(subject.name, folder, subject.waveforms)
    ways = in_turns(subject.name, subject.ways() | others)
    subject.floor.measure()
    results = {
        name: in_turns(f"{subject.name}, {name}", file_runs(subject, store, path, spans, step))
        for name, path in files.items()
    }
    subject.floor.measure()
    alone = ways[preloaded.ONE_BY_ONE].seconds
    return [comparison(subject, ways), file_table(subject, results, alone, step)]


def file_runs(
    subject: Subject, store: VoiceStore, path: Path, spans: list[Span], step: int
) -> dict[str, Run[FillReport | None]]:
    """The original way, if it can read the format, and fills."""
    FillRuns(store, subject.encoder, subject.source, path, spans[:3]).cold(ignore)
    fills = FillRuns(store, subject.encoder, subject.source, path, spans)
    runs: dict[str, Run[FillReport | None]] = {
        ORIGINAL: original_run(subject, path, spans, step),
        COLD: fills.cold,
        f"fill, every {EVERY}th missing": fills.some_missing,
        "fill, nothing missing": fills.warm,
        "`pgvoice fill`, nothing missing": fills.process,
    }
    return {name: run for name, run in runs.items() if name != ORIGINAL or original.readable(path)}


def original_run(subject: Subject, path: Path, spans: list[Span], step: int) -> Run[None]:
    """The original way on every `step`-th segment; the time is scaled up."""
    sample = spans[::step]

    def run(progress: Progress) -> Timed[None]:
        taken = timed(lambda: original.embed(subject.plain, path, sample, progress)).seconds
        return Timed(taken * len(spans) / len(sample), None)

    return run


if __name__ == "__main__":
    main()
