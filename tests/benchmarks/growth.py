"""The cost of a growing library: ``python tests/benchmarks/growth.py --help``.

Figures of larger libraries than the largest measured are extrapolated by the way each figure grows,
and are marked.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import NamedTuple

import click
from rich.console import Console
from sqlalchemy import text

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from pgvoice_benchmarks import machine
from pgvoice_benchmarks.growing import CONSTANT, LINEAR, LOGARITHMIC, SORTED, Law, rounded
from pgvoice_benchmarks.library import Library
from pgvoice_benchmarks.searching import task
from pgvoice_benchmarks.searching.stores import Pgvoice
from pgvoice_benchmarks.searching.task import Task
from pgvoice_benchmarks.tables import NOTHING, Table, seconds
from pgvoice_benchmarks.writing import write_library
from pgvoice_testkit.servers.databases import temporary_folder

from pgvoice.cli.output import counted, size, waiting
from pgvoice.store import VoiceStore

LABELS = "size of kept labels"
ADDED, PLAIN = "insert 3,000 more segments, indexed", "insert 3,000 more, without an index"
#: The first to the second.
RATIO = "the same, as a ratio"
#: Segments added to a library with an index, and without.
ADD = 3000
#: The figures of each library, and how they grow.
GROWTH: dict[str, Law] = {
    task.SIZE: LINEAR,
    task.INDEX_SIZE: LINEAR,
    LABELS: LINEAR,
    task.INSERT: LINEAR,
    ADDED: CONSTANT,
    PLAIN: CONSTANT,
    RATIO: CONSTANT,
    task.BUILD: SORTED,
    task.MISSING: CONSTANT,
    task.VIDEO: CONSTANT,
    task.ALL: LINEAR,
    task.SPEAKER: LINEAR,
    task.RELABEL: LINEAR,
    task.EXACT: LINEAR,
    task.INDEXED: LOGARITHMIC,
}
BYTES = {task.SIZE, task.INDEX_SIZE, LABELS}
#: Values by figure and number of segments.
Figures = dict[str, dict[int, float]]


class Machine(NamedTuple):
    """The server of the extrapolated library."""

    memory_gb: float
    disk_tb: float


#: Postgres: a table has at most 2^32 - 1 blocks of 8 kB.
TABLE_BYTES = (2**32 - 1) * 8192
HOUR, DAY = 3600, 86_400


@click.command()
@click.option("--sizes", default="10000,100000,1000000", show_default=True)
@click.option("--to", "larger", default="100000000,10000000000", show_default=True)
@click.option("--profiles", type=click.IntRange(2), default=200, show_default=True)
@click.option("--partitions", type=click.IntRange(1, 100), default=1, show_default=True)
@click.option("--memory-gb", type=float, default=64, show_default=True, help="Server memory.")
@click.option("--disk-tb", type=float, default=4, show_default=True, help="Server disk.")
@click.option("--markdown", is_flag=True, help="Print Markdown tables.")
def main(
    sizes: str,
    larger: str,
    profiles: int,
    partitions: int,
    memory_gb: float,
    disk_tb: float,
    markdown: bool,
) -> None:
    """Measure libraries of these sizes; extrapolate larger ones and the limits of a server."""
    console = Console(width=None if sys.stdout.isatty() else 160)
    command = shlex.join(["python", "tests/benchmarks/growth.py", *sys.argv[1:]])
    for line in (f"`{command}`, {date.today()}", machine.describe()):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    measured: Figures = {what: {} for what in GROWTH}
    for segments in map(int, sizes.split(",")):
        for what, value in measure(Library(segments, profiles), partitions):
            measured[what][segments] = value
    table_of(measured, [int(each) for each in larger.split(",")]).show(console, markdown=markdown)
    limits(measured, Machine(memory_gb, disk_tb), partitions).show(console, markdown=markdown)


def measure(library: Library, partitions: int) -> Iterator[tuple[str, float]]:
    """Each figure of one library, in its own store."""
    with (
        waiting(f"{library.segments:,} segments"),
        temporary_folder() as folder,
        VoiceStore.open(folder=folder, partitions=partitions, consent=False) as store,
    ):
        for what, figure in Pgvoice(store).figures(Task(library, 30)):
            if what in GROWTH:
                yield what, figure.value
        yield LABELS, _labels(store)
        videos = -(-library.segments // library.video_segments)
        added = _added(store, library, videos)
        store.index.drop()
        plain = _added(store, library, videos + ADD // library.video_segments)
        yield from ((ADDED, added), (PLAIN, plain), (RATIO, added / plain))


def _added(store: VoiceStore, library: Library, first: int) -> float:
    """Write `ADD` segments from a video on; returns the seconds."""
    larger = Library(first * library.video_segments + ADD, library.profiles)
    return write_library(store, larger, first=first)


def _labels(store: VoiceStore) -> float:
    """Bytes of the label tables and their indexes."""
    with store.database.engine.connect() as connection:
        found: int = connection.scalar(
            text(
                "SELECT pg_total_relation_size('pgvoice.nearest')"
                " + pg_total_relation_size('pgvoice.attribution')"
            )
        )
    return found


def table_of(measured: Figures, larger: list[int]) -> Table:
    """Measured and extrapolated figures."""
    sizes = sorted(next(iter(measured.values())))
    columns = (
        "what",
        *(f"{each:,}" for each in sizes),
        "grows as",
        "off by",
        *(f"{each:,} (extrapolated)" for each in larger),
    )
    table = Table("Measured, and extrapolated from the largest measured", columns)
    for what, law in GROWTH.items():
        found = measured[what]
        error = law.error(found)
        table.add(
            what,
            *(_cell(what, found[each]) for each in sizes),
            law.name,
            NOTHING if error is None else f"{error:.2f} times",
            *(_cell(what, law.at(each, found)) for each in larger),
        )
    return table


def limits(measured: Figures, server: Machine, partitions: int) -> Table:
    """The number of segments at which each limit is reached, in ascending order."""
    memory, disk = server.memory_gb * 1e9, server.disk_tb * 1e12
    whole = {
        each: measured[task.SIZE][each] + measured[task.INDEX_SIZE][each] + measured[LABELS][each]
        for each in measured[task.SIZE]
    }
    reached = [
        (f"the index fills {server.memory_gb:g} GB of memory", task.INDEX_SIZE, memory),
        (f"the vectors fill {server.memory_gb:g} GB of memory", task.SIZE, memory),
        ("building the index takes a day", task.BUILD, DAY),
        ("judging all segments again takes an hour", task.ALL, HOUR),
        ("where a new speaker speaks takes a minute", task.SPEAKER, 60),
        ("inserting all takes a week", task.INSERT, 7 * DAY),
        (f"{counted(partitions, 'table')} of 32 TB: full", task.SIZE, partitions * TABLE_BYTES),
    ]
    found = [(GROWTH[what].until(limit, measured[what]), said) for said, what, limit in reached]
    found.append((LINEAR.until(disk, whole), f"everything fills {server.disk_tb:g} TB of disk"))
    table = Table("Extrapolated: what ends where, on one server like this", ("what", "segments"))
    for segments, said in sorted(found):
        table.add(said, rounded(segments))
    return table


def _cell(what: str, value: float) -> str:
    if what in BYTES:
        return size(int(value))
    if what == RATIO:
        return f"{value:.1f}"
    if value < 1:
        return f"{value * 1000:.3g} ms"
    if value < HOUR:
        return f"{seconds(value)} s"
    return f"{value / HOUR:.1f} h" if value < DAY else f"{value / DAY:,.1f} days"


if __name__ == "__main__":
    main()
