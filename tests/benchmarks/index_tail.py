"""The cost of an index while a library grows: ``python tests/benchmarks/index_tail.py --help``.

Segments that are newer than the index are in its tail: inserting them costs as much as without an
index, and each search compares them.
"""

from __future__ import annotations

import shlex
import sys
from datetime import date
from pathlib import Path

import click
from rich.console import Console
from sqlalchemy import text

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from pgvoice_benchmarks import machine
from pgvoice_benchmarks.searching.tails import ADDED, Growing, Searches
from pgvoice_benchmarks.tables import Table, ratio, seconds
from pgvoice_benchmarks.timing import timed
from pgvoice_testkit.servers.databases import temporary_folder

from pgvoice.cli.output import waiting
from pgvoice.store import VoiceStore


@click.command()
@click.option("--segments", type=click.IntRange(1000), default=1_000_000, show_default=True)
@click.option("--tails", default="0,3000,30000,99000", show_default=True, help="In whole videos.")
@click.option("--profiles", type=click.IntRange(2), default=200, show_default=True)
@click.option("--queries", type=click.IntRange(1), default=200, show_default=True)
@click.option("--partitions", type=click.IntRange(1, 100), default=1, show_default=True)
@click.option("--markdown", is_flag=True, help="Print Markdown tables.")
def main(
    segments: int, tails: str, profiles: int, queries: int, partitions: int, markdown: bool
) -> None:
    """Insert more segments without and with an index, and search with tails of these sizes."""
    console = Console(width=None if sys.stdout.isatty() else 160)
    command = shlex.join(["python", "tests/benchmarks/index_tail.py", *sys.argv[1:]])
    for line in (f"`{command}`, {date.today()}", machine.describe()):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    with (
        temporary_folder() as folder,
        VoiceStore.open(folder=folder, partitions=partitions, consent=False) as store,
    ):
        library = Growing(store, segments, profiles)
        with waiting(f"writing {library.segments:,} segments"):
            library.fill()
            _vacuum(store)
        inserts = Table(f"{library.segments:,} vectors", ("what", "seconds"))
        without = library.adding()
        with waiting("building the index"):
            inserts.add("build the index", seconds(timed(store.index.build).seconds))
        inserts.add(f"insert {ADDED:,} more without an index", seconds(without))
        searched = _searched(store, library, [int(each) for each in tails.split(",")], queries)
        with_index = library.adding()
        inserts.add(f"insert {ADDED:,} more with it", seconds(with_index))
        inserts.add("ratio", ratio(with_index, without))
        inserts.show(console, markdown=markdown)
        searched.show(console, markdown=markdown)


def _searched(store: VoiceStore, library: Growing, tails: list[int], queries: int) -> Table:
    """Searches with tails of these sizes, which grow."""
    columns = ("tail", "asked for one of", "p50, ms", "p95, ms", "recall", "worst")
    table = Table("100 nearest by the index", columns, words=2)
    first = library.segments
    for tail in tails:
        with waiting(f"a tail of {tail:,} segments"):
            library.add(first + tail - library.segments)
            _vacuum(store)
            asked = library.chosen(0, first, queries)
            table.add(f"{tail:,}", "the index", *_cells(library.searched(asked)))
            if tail:
                asked = library.chosen(first, library.segments, min(queries, tail))
                table.add("", "the tail", *_cells(library.searched(asked)))
    return table


def _cells(found: Searches) -> tuple[str, ...]:
    times = (f"{1000 * each:.1f}" for each in (found.p50, found.p95))
    return (*times, f"{found.recall:.3f}", f"{found.worst:.2f}")


def _vacuum(store: VoiceStore) -> None:
    with store.database.engine.connect() as connection:
        connection = connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.execute(text("VACUUM ANALYZE pgvoice.segment_embedding"))


if __name__ == "__main__":
    main()
