"""Ten million segments on a disk: ``python tests/benchmarks/ten_million.py --help``.

Recall and times are those of --queries segments, each asked once after others were, and once again.
The binary index has one bit per element, and its candidates are ranked by the full vectors.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import click
from rich.console import Console

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from pgvoice_benchmarks import machine
from pgvoice_benchmarks.large import asking, report, searching, truth
from pgvoice_benchmarks.large.figures import Figures
from pgvoice_benchmarks.large.inserting import insert
from pgvoice_benchmarks.large.searching import HALFVEC, SIGNS, Large, Links
from pgvoice_benchmarks.large.truth import Truth
from pgvoice_benchmarks.library import Library
from pgvoice_benchmarks.searching.task import CANDIDATES as BUILD_CANDIDATES
from pgvoice_benchmarks.searching.task import LINKS

from pgvoice.cli.output import progress
from pgvoice.store import VoiceStore

#: Candidates of each index that are ranked by the full vectors.
CANDIDATES = {HALFVEC: (120, 400, 900), SIGNS: (200, 400, 900, 2000, 5000, 10_000)}
#: Exact searches; each reads all vectors.
EXACT = 10
STEPS = (
    "insert", "vacuum", "truth", "profiles", "exact", "halfvec", "search", "binary",
    "binary-search", "labels", "report",
)  # fmt: skip


@click.command()
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=Path("/var/tmp/pgvoice10m"),
    show_default=True,
    help="Where the database stays; ten million segments need 30 GB.",
)
@click.option("--segments", type=click.IntRange(1000), default=10_000_000, show_default=True)
@click.option("--profiles", type=click.IntRange(2), default=200, show_default=True)
@click.option("--queries", type=click.IntRange(1), default=100, show_default=True)
@click.option("--memory", help="maintenance_work_mem of a build [default: what its graph needs].")
@click.option("--m", type=int, default=LINKS, show_default=True, help="Of the binary index.")
@click.option("--ef-construction", type=int, default=BUILD_CANDIDATES, show_default=True)
@click.option("--step", "steps", type=click.Choice(STEPS), multiple=True, help="Default: all.")
@click.option("--drop-binary", is_flag=True, help="Drop the binary index before the other steps.")
def main(
    folder: Path,
    segments: int,
    profiles: int,
    queries: int,
    memory: str | None,
    m: int,
    ef_construction: int,
    steps: tuple[str, ...],
    drop_binary: bool,
) -> None:
    r"""Measure a library that stays in FOLDER, step by step.

    Each step writes its figures to figures.json beside the database, so that single steps can be
    repeated, and an interrupted insert goes on. On two cores the index of halfvec takes more than
    an hour, and all other steps together about as long. To repeat what depends on a quiet machine:

    \b
        ten_million.py --step profiles --step exact --step search --step report

    Builds of ten million need 14 GB of memory (halfvec) and 8 to 10 GB (binary) besides Postgres'
    buffers; with less, --memory, they take several times as long. Nothing deletes FOLDER.
    """
    folder.mkdir(exist_ok=True, mode=0o755)
    figures = Figures(folder)
    console = Console(width=None if sys.stdout.isatty() else 160)
    command = shlex.join(["python", "tests/benchmarks/ten_million.py", *sys.argv[1:]])
    for line in (f"`{command}`", machine.describe()):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    with VoiceStore.open(folder=folder, consent=False) as store:
        if drop_binary:
            searching.drop_signs(store)
        for step in steps or STEPS:
            with progress(step) as shown:
                large = Large(store, Library(segments, profiles), figures, shown)
                _work(folder, large, queries, memory, Links(m, ef_construction))[step]()
        if not steps or "report" in steps:
            for table in report.tables(figures, segments):
                table.show(console, markdown=True)


def _work(
    folder: Path, large: Large, queries: int, memory: str | None, links: Links
) -> dict[str, Callable[[], object]]:
    """What each step does."""
    return {
        "insert": lambda: insert(large.store, large.library, large.figures, large.progress),
        "vacuum": lambda: asking.vacuum(large),
        "truth": lambda: truth.find(large.library, queries, large.figures, large.progress).save(
            folder
        ),
        "profiles": lambda: asking.ask(large),
        "exact": lambda: searching.search_as_pgvoice(
            large, Truth.load(folder), exact=True, most=EXACT
        ),
        "binary": lambda: searching.build(large, SIGNS, memory, links),
        "binary-search": lambda: _search_by(folder, large, SIGNS),
        "halfvec": lambda: searching.build(large, HALFVEC, memory),
        "search": lambda: _search(folder, large),
        "labels": lambda: asking.label(large),
        "report": lambda: None,
    }


def _search(folder: Path, large: Large) -> None:
    searching.search_as_pgvoice(large, Truth.load(folder), exact=False)
    _search_by(folder, large, HALFVEC)


def _search_by(folder: Path, large: Large, kind: str) -> None:
    for candidates in (each for each in CANDIDATES[kind] if each < large.library.segments):
        searching.search_by(large, Truth.load(folder), kind, candidates)


if __name__ == "__main__":
    main()
