"""Whose voices are linked: ``python tests/benchmarks/linking.py``.

CAM++ on recordings whose speakers are known. They are filled one at a time into a store that links
voices, with labels that say nothing, as a diarizer gives them. Exits with 1 if what is required of
speaker linking does not hold.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import click
import numpy as np
from rich.console import Console

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from pgvoice_benchmarks import machine
from pgvoice_benchmarks.naming import channels
from pgvoice_benchmarks.naming.grouping import Grouping, Linked, in_turn
from pgvoice_benchmarks.naming.recordings import SETS, SINGLE, Recording, read
from pgvoice_benchmarks.naming.remembering import Remembering
from pgvoice_benchmarks.tables import Table
from pgvoice_testkit.audio.shared_recordings import SPEECH
from pgvoice_testkit.servers.databases import temporary_folder

from pgvoice.hooks import make_encoder
from pgvoice.store import VoiceStore

RATE = 0.01
RATES = (0.1, 0.03, 0.01, 0.001)
#: Random orders in which recordings come, besides that of their names.
ORDERS = 3
#: What is required of every set that the rule was made for.
LEAST_F, LEAST_PRECISION = 0.98, 0.99
ALL = "all in one library"
COLUMNS = (
    "library", "recordings", "voices", "people", "unknown voices", "precision", "recall", "F",
    "F with short voices", "wrong links", "same in other orders",
)  # fmt: skip


class Run:
    """What all parts of a run share."""

    def __init__(self, store: VoiceStore, folder: Path, speech: Path, encoder: Remembering) -> None:
        self.store, self.folder, self.speech, self.encoder = store, folder, speech, encoder
        self.console = Console(highlight=False, width=200)
        self.markdown = False
        self.failed: list[str] = []

    def linked(self, recordings: Iterable[Recording]) -> Linked:
        found = Linked(self.store, self.encoder, RATE).fill(recordings)
        self.encoder.keep()
        return found

    def measure(self, into: Table, name: str, recordings: list[Recording], orders: int) -> Grouping:
        """A row for a library, filled in the order of names and in others."""
        found = self.linked(recordings).grouping()
        same = sum(
            self.linked(_shuffled(recordings, order)).grouping().partition() == found.partition()
            for order in range(orders)
        )
        long = found.long()
        precision, recall, f = long.b_cubed()
        people = {found.people[voice] for voice in long.groups}
        into.add(
            name, str(len(recordings)), str(len(long.groups)), str(len(people)),
            str(len(long.partition())), f"{precision:.3f}", f"{recall:.3f}", f"{f:.3f}",
            f"{found.b_cubed()[2]:.3f}", f"{long.wrong()} of {len(long.groups)}",
            f"{same} of {orders}",
        )  # fmt: skip
        if same < orders:
            self.failed.append(f"{name}: {orders - same} orders give other groups")
        return long

    def show(self, table: Table) -> None:
        table.show(self.console, markdown=self.markdown)


def _shuffled(recordings: Sequence[Recording], seed: int) -> list[Recording]:
    order = np.random.default_rng(seed).permutation(len(recordings))
    return [recordings[at] for at in order]


def real(run: Run) -> None:
    """The sets that the rule was made for, each alone and all in one library."""
    table = Table(f"Real sets, at a stated false-link rate of {RATE:.0%}", COLUMNS)
    everything = [one for name in SETS + SINGLE for one in read(name, run.speech)]
    for name in (*SETS, *SINGLE, ALL):
        chosen = [one for one in everything if name in (one.group, ALL)]
        precision, _, f = run.measure(table, name, chosen, ORDERS).b_cubed()
        if f < LEAST_F or precision < LEAST_PRECISION:
            run.failed.append(f"{name}: precision {precision:.3f}, F {f:.3f}")
    run.show(table)


def other(run: Run) -> None:
    """Sets that nothing was chosen on: the same through channels, and read books."""
    table = Table("Other recordings, at the same rate", COLUMNS)
    sets = {name: read(name, run.speech) for name in ("series", "ami-30s")}
    for channel in channels.CHANNELS:
        for name, recordings in sets.items():
            heard = [channels.through(one, channel, run.folder) for one in recordings]
            run.measure(table, f"{name}, {channel}", heard, 0)
            if channel in ("telephone", "noise 5 dB"):
                run.measure(table, f"{name}, as recorded and {channel}", recordings + heard, 1)
    for each in (2, 5, 10):
        books = list(in_turn(f"books {each}", _books(run.speech), run.folder, each))
        run.measure(table, f"read books, {each} people each", books, 1)
    run.show(table)


def _books(speech: Path) -> dict[str, list[Path]]:
    """Each reader's clips."""
    found: dict[str, list[Path]] = defaultdict(list)
    for name in ("librispeech-test-other", "librispeech-strangers"):
        for clip in sorted((speech / name).rglob("*.flac")):
            found[clip.name.split("-")[0]].append(clip)
    return dict(found)


def rates(run: Run) -> None:
    """The share of voices that are linked with somebody else's, at several stated rates."""
    table = Table(
        "Stated and found false-link rates", ("library", *(f"{rate:.1%}" for rate in RATES))
    )
    everything = [one for name in SETS + SINGLE for one in read(name, run.speech)]
    books = list(in_turn("books", _books(run.speech), run.folder, 5))
    libraries = {name: [o for o in everything if o.group == name] for name in SETS}
    for name, recordings in {**libraries, ALL: everything, "read books": books}.items():
        linked = run.linked(recordings)
        found = [linked.link(rate).grouping().long() for rate in RATES]
        table.add(
            name,
            *(f"{g.wrong()} of {len(g.groups)} (recall {g.b_cubed()[1]:.2f})" for g in found),
        )
    run.show(table)


PARTS: dict[str, Callable[[Run], None]] = {"real sets": real, "other": other, "rates": rates}


@click.command(help=__doc__)
@click.option("--part", "parts", multiple=True, type=click.Choice(list(PARTS)), help="Only this.")
@click.option("--speech", type=click.Path(path_type=Path), default=SPEECH, help="The recordings.")
@click.option("--vectors", type=click.Path(path_type=Path), help="Keep the vectors in this file.")
@click.option("--markdown", is_flag=True, help="Print tables in Markdown.")
def main(parts: tuple[str, ...], speech: Path, vectors: Path | None, markdown: bool) -> None:
    """Print the tables of each part, and then what does not hold."""
    if not speech.is_dir():
        raise SystemExit(f"no recordings at {speech}")
    encoder, started = Remembering(make_encoder("campplus"), vectors), time.perf_counter()
    with (
        temporary_folder(in_memory=True) as server,
        temporary_folder() as folder,
        VoiceStore.open(folder=server, consent=False) as store,
    ):
        run = Run(store, folder, speech, encoder)
        run.markdown = markdown
        for name in parts or PARTS:
            PARTS[name](run)
            run.console.print(f"{name}: {time.perf_counter() - started:.0f} s so far")
    run.console.print(machine.describe())
    for line in run.failed:
        run.console.print(line)
    sys.exit(1 if run.failed else 0)


if __name__ == "__main__":
    main()
