"""Linking the voices of a large library: ``python tests/benchmarks/linking_scale.py --help``.

100,000 synthetic voices of 10,000 people in 30,000 recordings, as similar to each other as real
ones; `population.py` says what they reproduce. Exits with 1 if what is required does not hold.
"""

from __future__ import annotations

import shlex
import sys
from datetime import date
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from sqlalchemy import text

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from pgvoice_benchmarks import machine
from pgvoice_benchmarks.linking.loading import Loader, key, truth
from pgvoice_benchmarks.linking.measuring import Backend, b_cubed, spreads
from pgvoice_benchmarks.linking.population import Population
from pgvoice_benchmarks.tables import Table
from pgvoice_testkit.servers.databases import run, temporary_folder

from pgvoice.cli.output import progress_bar, size
from pgvoice.store import VoiceStore

#: What is required: seconds for everything, milliseconds for a recording, precision and recall.
ALL_SECONDS, ONE_MS, PRECISION, RECALL = 900.0, 100.0, 0.995, 0.95
#: By how much the memory of the server process may grow while everything is linked.
FLAT = 64 << 20
SIZES = (
    "SELECT relname, pg_total_relation_size(oid), pg_indexes_size(oid) FROM pg_class"
    " WHERE relnamespace = CAST('pgvoice' AS regnamespace)"
    " AND relname IN ('unknown_voice_mean', 'linked_voice', 'unknown_voice', 'voice')"
)


@click.command()
@click.option("--people", type=click.IntRange(10), default=10_000, show_default=True)
@click.option("--voices", type=click.IntRange(100), default=100_000, show_default=True)
@click.option("--recordings", type=click.IntRange(50), default=30_000, show_default=True)
@click.option("--batch", type=click.IntRange(1), default=100, show_default=True)
@click.option("--new", type=click.IntRange(1), default=300, show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--markdown", is_flag=True, help="Print Markdown tables.")
def main(**options: int) -> None:
    """Link everything in random order, and then recordings one at a time.

    Recordings are linked in batches, each in a transaction of its own.
    """
    console = Console(highlight=False, width=120)
    command = shlex.join(["python", "tests/benchmarks/linking_scale.py", *sys.argv[1:]])
    for line in (f"`{command}`, {date.today()}", machine.describe(), ""):
        console.print(line, markup=False, soft_wrap=True)
    population = Population(
        options["people"], options["voices"], options["recordings"], options["seed"]
    )
    drawn = Table("Similarities that are drawn", ("pairs", "mean", "1, 50, 99 and 99.9 %"), 1)
    for row in spreads(population.all):
        drawn.add(*row)
    drawn.show(console, markdown=bool(options["markdown"]))
    with temporary_folder() as folder, VoiceStore.open(folder=folder, consent=False) as store:
        table, failed = measure(store, population, options["batch"], options["new"])
    table.show(console, markdown=bool(options["markdown"]))
    for failure in failed:
        console.print(f"[red]{failure}")
    sys.exit(bool(failed))


def measure(
    store: VoiceStore, population: Population, batch: int, new: int
) -> tuple[Table, list[str]]:
    """The figures, and what is not as required."""
    known = population.recordings - new
    loader = Loader(store, population)
    loader.load(range(known), segments=True)
    loader.load(range(known, population.recordings), segments=False)
    run(
        store.database.engine,
        "ANALYZE",
        "SELECT pgvoice.refit_library()",
        "UPDATE pgvoice.setting SET linking = true",
    )
    table, failed = Table("Linking", ("what", "measured")), []
    with store.database.unpooled.connect() as connection:
        backend = Backend(connection)
        order = [key(int(each)) for each in np.random.default_rng(0).permutation(known)]
        done, held = [], []
        with progress_bar("link") as progress:
            for first in range(0, known, batch):
                done.append(backend.link(order[first : first + batch]))
                held.append(backend.held())
                if progress:
                    progress(first, known)
        total = sum(each.seconds for each in done)
        table.add(
            f"link {known:,} recordings",
            f"{total:,.0f} s ({sum(each.processor for each in done):,.0f} s of processor time)",
        )
        growth = max(held) - held[len(held) // 10]
        table.add(
            "memory of the server process",
            f"{size(max(held))} at most, {size(max(growth, 0))} more than after a tenth",
        )
        ones = [backend.link([key(each)]) for each in range(known, population.recordings)]
    times = 1000 * np.quantile([each.seconds for each in ones], (0.5, 0.95, 1))
    processor = 1000 * np.mean([each.processor for each in ones])
    table.add(
        "link one new recording: median, 95 %, most",
        f"{times[0]:.0f}, {times[1]:.0f}, {times[2]:.0f} ms ({processor:.0f} ms of processor time)",
    )
    people, groups = truth(store)
    precision, recall = b_cubed(people, groups)
    table.add("B-cubed precision, recall", f"{precision:.4f}, {recall:.4f}")
    table.add("people, groups", f"{len(set(people)):,}, {len(set(groups)):,}")
    with store.database.engine.connect() as connection:
        for name, whole, indexes in connection.execute(text(SIZES)):
            table.add(f"size of {name}, of it indexes", f"{size(whole)}, {size(indexes)}")
    required = {
        f"everything took {total:.0f} s": total < ALL_SECONDS,
        f"the median of one recording is {times[0]:.0f} ms": times[0] < ONE_MS,
        f"precision is {precision:.4f}": precision >= PRECISION,
        f"recall is {recall:.4f}": recall >= RECALL,
        f"memory grew by {size(max(growth, 0))}": growth < FLAT,
    }
    failed += [what for what, holds in required.items() if not holds]
    return table, failed


if __name__ == "__main__":
    main()
