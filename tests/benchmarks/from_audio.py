"""Speed and memory of a fill from audio alone: ``python tests/benchmarks/from_audio.py --help``.

A long recording is filled into an embedded store in a process of its own. Exits with 1 if that is
slower than required, or with ``--hours`` if it takes more memory than required.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import click
from rich.console import Console

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from pgvoice_benchmarks import machine
from pgvoice_benchmarks.diarizing import long_talk, whole_run
from pgvoice_benchmarks.diarizing.whole_run import Measured
from pgvoice_benchmarks.tables import NOTHING, Table
from pgvoice_benchmarks.tables import seconds as shown
from pgvoice_testkit.audio.shared_recordings import SPEECH
from pgvoice_testkit.servers.databases import plain, temporary_folder, temporary_store

from pgvoice.cli.output import size, waiting

#: Times faster than real time, on two cores and on a card.
TIMES_FASTER, ON_A_CARD = 15.0, 300.0
CORES = 2
MOST_BYTES = 1_500_000_000
#: How often the memory is printed.
LOOKS = 10
WIDTH = 160


@click.command()
@click.option("--minutes", type=float, default=20, show_default=True, help="Measure the speed.")
@click.option("--hours", type=float, help="Measure the memory over a file of this length instead.")
@click.option("--format", "name", type=click.Choice([*long_talk.FORMATS]), default="flac")
@click.option("--encoder", default="campplus", show_default=True)
@click.option("--segmenter", default="", help="Default: the segmenter that pgvoice uses.")
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")
@click.option("--speech", type=click.Path(path_type=Path), default=SPEECH, help="The recordings.")
@click.option("--markdown", is_flag=True, help="Print Markdown tables.")
def main(
    minutes: float,
    hours: float | None,
    name: str,
    encoder: str,
    segmenter: str,
    device: str,
    speech: Path,
    markdown: bool,
) -> None:
    """Measure how long the parts of a fill take, and its memory over time."""
    if device == "cpu" and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)
    command = shlex.join(["python", "tests/benchmarks/from_audio.py", *sys.argv[1:]])
    console.print(f"`{command}`, {date.today()}, {machine.describe()}", soft_wrap=True)
    length = minutes * 60 if hours is None else hours * 3600
    with temporary_folder() as folder, temporary_store() as store:
        with waiting(f"making {length / 60:g} minutes of {name}"):
            audio = long_talk.write(speech, folder, name, length)
        found = measure(plain(store.database.url), encoder, segmenter, device, str(audio))
    found.audio = length
    for table in (speed(found), memory(found)):
        table.show(console, markdown=markdown)
    failed = list(failures(found, device, of_memory=hours is not None))
    for line in failed:
        console.print(f"[red]{line}[/red]")
    sys.exit(bool(failed))


def measure(*arguments: str) -> Measured:
    """The measurements of the process."""
    done = subprocess.run(
        [sys.executable, whole_run.__file__, *arguments], check=True, stdout=subprocess.PIPE
    )
    return Measured(**json.loads(done.stdout))


def speed(found: Measured) -> Table:
    """The seconds of each part, and how many times faster than real time it is."""
    counts = f"{found.turns:,} turns, {found.vectors:,} vectors"
    labels = f"{found.tracks:,} labels joined to {found.people:,}"
    table = Table(
        f"{found.audio / 60:g} minutes of speech: {counts}, {labels}",
        ("part", "seconds", "times faster than real time"),
    )
    parts = {
        "decoding, and cutting segments": found.decoding,
        "finding turns": found.segmenting,
        "embedding": found.embedding,
        "joining labels by voice": found.joining,
    }
    parts["storing, and all else"] = max(0.0, found.whole - sum(parts.values()))
    parts["the whole"] = found.whole
    for part, taken in parts.items():
        table.add(part, shown(taken), f"{found.audio / taken:,.1f}" if taken else NOTHING)
    used = found.processor
    table.add("processor, summed over cores", shown(used), f"{found.audio / used:,.1f}")
    table.add("a second fill", shown(found.second), NOTHING)
    return table


def memory(found: Measured) -> Table:
    """Resident memory of the process: before and with the models, over time, and at most."""
    table = Table("Resident memory, without the server's", ("when", "memory"))
    table.add("before the models are loaded", size(found.start))
    table.add("with the models", size(found.models))
    for second, held in _spread(found.memory):
        table.add(f"after {100 * second / found.whole:.0f} % of the time", size(held))
    table.add("at most", size(found.peak))
    return table


def _spread(looks: list[tuple[float, int]]) -> Iterator[tuple[float, int]]:
    """As many looks as are printed, from the whole time."""
    places = {round(part * (len(looks) - 1) / (LOOKS - 1)) for part in range(LOOKS)}
    yield from (looks[place] for place in sorted(places) if looks)


def failures(found: Measured, device: str, *, of_memory: bool) -> Iterator[str]:
    """What is worse than required."""
    least = TIMES_FASTER if device == "cpu" else ON_A_CARD
    faster = found.audio / found.whole
    if not of_memory and faster < least:
        yield f"{faster:.1f} times faster than real time, not {least:g}"
    if of_memory and found.peak > MOST_BYTES:
        yield f"{size(found.peak)} of memory, not at most {size(MOST_BYTES)}"
    if found.second_works:
        yield "a second fill opened the audio or called the encoder"


if __name__ == "__main__":
    main()
