"""Queries over a large library in several systems: ``python tests/benchmarks/search.py --help``.

Libraries of synthetic segments with realistic similarities in pgvoice's store, in numpy arrays, in
FAISS and in LanceDB; `pip install -e '.[benchmark]'` installs the last two.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Mapping
from datetime import date
from importlib.util import find_spec
from pathlib import Path

import click
from rich.console import Console

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from pgvoice_benchmarks import machine
from pgvoice_benchmarks.library import Library
from pgvoice_benchmarks.searching import faiss_indexes, lance_tables
from pgvoice_benchmarks.searching.arrays import Arrays
from pgvoice_benchmarks.searching.faiss_indexes import Faiss
from pgvoice_benchmarks.searching.lance_tables import Lance
from pgvoice_benchmarks.searching.stores import Pgvoice
from pgvoice_benchmarks.searching.task import (
    CANDIDATES,
    LINKS,
    WANTED_RECALL,
    WHAT,
    Contender,
    Figure,
    Task,
)
from pgvoice_benchmarks.tables import NOTHING, Table, ratio, seconds
from pgvoice_testkit.servers.databases import temporary_folder

from pgvoice.cli.output import size, waiting
from pgvoice.store import VoiceStore

WIDTH = 160
OTHERS = {"faiss": "faiss-cpu", "lancedb": "lancedb"}
NOTES = (
    "numpy and FAISS keep everything in memory only; LanceDB writes files; pgvoice commits one"
    " transaction per video, and its times are those of the Python API with its connection. Only"
    " pgvoice stores labels. The index is HNSW with"
    f" {LINKS} links and {CANDIDATES} candidates per row ({faiss_indexes.LINKS} and"
    f" {faiss_indexes.CANDIDATES} in FAISS, {lance_tables.LINKS} and {lance_tables.CANDIDATES} in"
    " LanceDB), of 16-bit floats in pgvoice, of 32-bit floats in FAISS, of bytes with an exact"
    " comparison of the best in LanceDB. Memory is the growth of the processes without shared"
    f" memory. FAISS and LanceDB search with the least effort that finds {WANTED_RECALL:.0%} of the"
    " nearest, pgvoice with its default. A read-only step under 10 s is the best of 3; queries run"
    " one at a time."
)


@click.command()
@click.option("--sizes", default="10000,100000,1000000", show_default=True)
@click.option("--profiles", type=click.IntRange(2), default=200, show_default=True)
@click.option("--queries", type=click.IntRange(1), default=100, show_default=True)
@click.option("--partitions", type=click.IntRange(1, 100), default=1, show_default=True)
@click.option("--markdown", is_flag=True, help="Print Markdown tables.")
def main(sizes: str, profiles: int, queries: int, partitions: int, markdown: bool) -> None:
    """Measure pgvoice, numpy, FAISS and LanceDB on the same vectors, in one run.

    Up to a million segments take about 15 minutes on two cores, 6 GB of memory and of disk.
    """
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    command = shlex.join(["python", "tests/benchmarks/search.py", *sys.argv[1:]])
    missing = [package for module, package in OTHERS.items() if find_spec(module) is None]
    for line in (f"`{command}`, {date.today()}", machine.describe(), versions(), NOTES):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    if missing:
        console.print(f"not installed, not measured: {', '.join(missing)}", highlight=False)
    console.print()
    for segments in map(int, sizes.split(",")):
        task = Task(Library(segments, profiles), queries)
        measured = measure(task, partitions)
        table_of(task, measured).show(console, markdown=markdown)


def measure(task: Task, partitions: int) -> dict[str, dict[str, Figure]]:
    """The figures of each contender, measured one after the other."""
    with waiting(f"making {task.library.segments:,} segments"):
        assert len(task.truth) == len(task.queries)
    measured: dict[str, dict[str, Figure]] = {}
    with temporary_folder() as folder:
        for contender in contenders(folder, partitions):
            found = measured[contender.name] = {}
            with waiting(f"{task.library.segments:,} segments: {contender.name}"):
                found.update(contender.figures(task))
    return measured


def contenders(folder: Path, partitions: int) -> Iterator[Contender]:
    """The store first, then the others that are installed."""
    with VoiceStore.open(folder=folder, partitions=partitions, consent=False) as store:
        yield Pgvoice(store)
    yield Arrays()
    if find_spec("faiss"):
        yield Faiss()
    if find_spec("lancedb"):
        yield Lance(folder / "lance")


def table_of(task: Task, measured: Mapping[str, Mapping[str, Figure]]) -> Table:
    """A row per figure, a column per contender, and the ratios of pgvoice to the others."""
    first, *others = measured
    columns = (*measured, *(f"{first} / {other}" for other in others))
    title = f"{task.library.segments:,} segments, {task.library.profiles} profiles"
    table = Table(title, ("what", *columns))
    for what in WHAT:
        cells = [cell(found.get(what)) for found in measured.values()]
        own = measured[first].get(what)
        table.add(what, *cells, *(beside(own, measured[other].get(what)) for other in others))
    return table


def cell(figure: Figure | None) -> str:
    if figure is None:
        return NOTHING
    if figure.unit == "bytes":
        return size(int(figure.value))
    if figure.unit == "s":
        short = figure.value < 1
        return f"{figure.value * 1000:.3g} ms" if short else f"{seconds(figure.value)} s"
    return f"{figure.value:.3f}" if figure.value <= 1 else f"{figure.value:.0f}"


def beside(own: Figure | None, other: Figure | None) -> str:
    if own is None or other is None or not own.unit:
        return NOTHING
    return ratio(own.value, other.value)


def versions() -> str:
    """The versions of the other systems."""
    from importlib.metadata import PackageNotFoundError, version

    found = []
    for package in ("numpy", *OTHERS.values()):
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)


if __name__ == "__main__":
    main()
