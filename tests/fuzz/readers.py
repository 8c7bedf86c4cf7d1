"""Read and write strange documents of every format: python tests/fuzz/readers.py --examples 10000.

Each document is read, written back without labels, and written with names in its own format and in
four others. Stops at the first that raises anything but `FormatError`, loses something, or takes
too long.
"""

from __future__ import annotations

import resource
import sys
import time
from collections import Counter
from pathlib import Path

import click
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.append(str(Path(__file__).parents[1] / "support"))
from pgvoice_testkit.documents.strange_documents import (
    FORMATS,
    LARGE,
    SERVICES,
    any_bytes,
    check,
    check_bytes,
    check_large,
    check_uem,
    documents,
    names,
    others,
)

#: What has no segments: regions that are scored, and bytes in any encoding.
OTHERS = ("uem", "bytes")


def fuzz(name: str, examples: int) -> Counter[str]:
    """The outcomes of this many documents of a format."""
    outcomes: Counter[str] = Counter()

    @settings(
        max_examples=examples,
        deadline=5000,
        database=None,
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )
    @given(data=st.data())
    def run(data: st.DataObject) -> None:
        outcomes["documents"] += 1
        if name == "bytes":
            check_bytes(data.draw(any_bytes), outcomes)
        elif name == "uem":
            check_uem(data.draw(documents(name)), outcomes)
        else:
            people = data.draw(st.lists(names | st.none(), max_size=3))
            check(name, data.draw(documents(name)), people, outcomes, data.draw(others))

    run()
    return outcomes


def large(name: str, outcomes: Counter[str]) -> tuple[str, float]:
    """The slowest of the large documents, and its time in seconds."""
    took = {}
    for kind in LARGE[name]:
        started = time.perf_counter()
        check_large(name, kind, outcomes)
        took[kind] = time.perf_counter() - started
    slowest = max(took, key=lambda kind: took[kind], default="none")
    return slowest, took.get(slowest, 0.0)


@click.command()
@click.option("--examples", default=10_000, show_default=True, help="Documents of each format.")
@click.option("--format", "only", type=click.Choice([*FORMATS, *SERVICES, *OTHERS]), multiple=True)
def main(examples: int, only: tuple[str, ...]) -> None:
    """Read and write strange documents of every format."""
    for name in only or (*FORMATS, *SERVICES, *OTHERS):
        started = time.perf_counter()
        outcomes = fuzz(name, examples)
        click.echo(f"{name}: {time.perf_counter() - started:.0f} s")
        if name in LARGE:
            kind, slowest = large(name, outcomes)
            click.echo(f"  {len(LARGE[name])} large ones, the slowest {slowest:.1f} s ({kind})")
        for outcome, count in sorted(outcomes.items()):
            click.echo(f"  {outcome}: {count:,}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    click.echo(f"peak memory {peak:,.0f} MB")


if __name__ == "__main__":
    main()
