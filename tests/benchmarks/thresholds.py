"""Who gets whose name: ``python tests/benchmarks/thresholds.py``.

CAM++ on recordings whose speakers are known. They are filled into a store with labels that say
nothing, as a diarizer gives them; then people are drawn at random, each enrolled from one
recording, and pgvoice identifies everybody's speech in all recordings. Whoever is not enrolled is a
stranger. Exits with 1 if what is required of library thresholds does not hold.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import click
from rich.console import Console

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from pgvoice_benchmarks import machine
from pgvoice_benchmarks.naming import channels, libraries, normalising, report, separating
from pgvoice_benchmarks.naming.calibrating import calibrated
from pgvoice_benchmarks.naming.libraries import GALLERIES, Labels, Library
from pgvoice_benchmarks.naming.recordings import SETS, SINGLE, Recording, read
from pgvoice_benchmarks.naming.remembering import Remembering
from pgvoice_benchmarks.naming.trials import galleries, identified
from pgvoice_benchmarks.tables import Table
from pgvoice_testkit.audio.shared_recordings import SPEECH
from pgvoice_testkit.servers.databases import temporary_folder

from pgvoice.hooks import make_encoder
from pgvoice.store import Turn, VoiceStore

#: How many times each person's half is drawn for calibrations.
HALVES = 3
#: How many of the channels each recording is heard through, in as many libraries.
ROTATIONS = 2
#: About the share of recordings whose labels are wrong.
WRONG_LABELS = 0.5


class Run:
    """What all parts of a run share."""

    def __init__(self, store: VoiceStore, folder: Path, speech: Path, encoder: Remembering) -> None:
        self.store, self.folder, self.speech, self.encoder = store, folder, speech, encoder
        self.console = Console(highlight=False, width=250)
        self.verdicts = report.Verdicts()
        self.draws = 30
        self.markdown = False

    def read(self, groups: Iterable[str]) -> list[Recording]:
        return [one for group in groups for one in read(group, self.speech)]

    def library(self, recordings: Iterable[Recording], labels: Labels | None = None) -> Library:
        found = Library(self.store, self.encoder).fill(recordings, labels)
        self.encoder.keep()
        return found

    def show(self, table: Table) -> None:
        table.show(self.console, markdown=self.markdown)

    def measure(
        self,
        into: Table,
        library: Library,
        where: str,
        *,
        groups: Iterable[str] | None = None,
        rules: bool = False,
        sizes: Sequence[int] = GALLERIES[1:],
        judged: bool = True,
    ) -> None:
        """Rows for every set in a library, or some; with `rules`, for other thresholds too."""
        people = len(library.candidates())
        for size in sizes:
            if people <= size:
                self.console.print(f"{where}: {people} people to enroll, too few for {size}")
                continue
            drawn = galleries(library, size, self.draws)
            trials = identified(library, drawn, groups=groups)
            other = calibrated(library, size, HALVES, self.draws // 3, 0.01) if rules else None
            named = {"library": (trials, trials.named)}
            if rules:
                named["encoder default"] = (trials, trials.reach(library.default[size]))
            if other is not None:
                named["calibrated"] = other
            present = dict.fromkeys(trials.group.tolist())
            for group in [*present, *([report.ALL] if len(present) > 1 else [])]:
                mine = {rule: report.only(group, *found) for rule, found in named.items()}
                report.rows(into, f"{where}: {group}", size, mine)
                if judged and size > 1:
                    self.verdicts.judge(where, group, mine["library"][0], size)


def alone(run: Run) -> None:
    """Each set in a library of its own."""
    table = report.table("Each set alone")
    for group in SETS:
        library = run.library(run.read([group]))
        run.measure(table, library, "alone", rules=True, sizes=GALLERIES)
    run.show(table)


def mixed(run: Run) -> None:
    """All sets in one library."""
    table = report.table("All sets in one library")
    library = run.library(run.read(SETS + SINGLE))
    run.measure(table, library, "mixed", rules=True, sizes=GALLERIES)
    run.show(table)
    run.show(separating.table(library))
    run.show(normalising.table(library, galleries(library, 8, run.draws)))


def heard(run: Run) -> None:
    """All sets in one library, each recording through a channel drawn for it."""
    table = report.table("All sets in one library, each recording through another channel")
    names = (channels.AS_RECORDED, *channels.CHANNELS)
    for turn in range(ROTATIONS):
        found = []
        for at, one in enumerate(run.read(SETS)):
            name = names[(2 * turn + at) % len(names)]
            found.append(channels.through(one, name, run.folder)._replace(group=name))
        library = run.library(found)
        run.measure(table, library, f"channels {turn + 1}", rules=turn == 0, sizes=(8,))
    run.show(table)


def held_out(run: Run) -> None:
    """The tail fitted without a set, which is then added: with its labels, and without."""
    table = report.table("Sets that the library's tail was not fitted to")
    for group in (*SETS, SINGLE[1]):
        others = [name for name in (*SETS, *SINGLE) if name != group]
        for where, labels in (("added", None), ("added without labels", libraries.unlabelled)):
            library = run.library(run.read(others))
            library.keep_tail()
            library.fill(run.read([group]), labels)
            library.restore_tail()
            run.measure(table, library, where, groups=[group], judged=labels is None)
    recordings = run.read(SETS)
    last = {one.group: one.key for one in recordings}
    marked = [
        one._replace(group=f"{one.group}, no labels") if one.key == last[one.group] else one
        for one in recordings
    ]
    library = run.library(marked, _without_labels)
    run.measure(table, library, "one of each set", groups=[f"{one}, no labels" for one in SETS])
    run.show(table)


def _without_labels(recording: Recording) -> list[Turn]:
    is_marked = recording.group.endswith("no labels")
    return (libraries.unlabelled if is_marked else libraries.anonymous)(recording)


def strange(run: Run) -> None:
    """Libraries that are not what the method expects."""
    table = report.table("Two voices in each recording, one large show, wrong labels")
    shows = run.read(["series"])
    pairs = [one for show in shows for one in libraries.by_two(show, run.folder)]
    run.measure(table, run.library(pairs), "interviews", sizes=(4, 8))
    several = ["telephone", "noise 10 dB"]
    copies = [channels.through(one, name, run.folder) for name in several for one in shows]
    small = [run.read([name])[0] for name in (*SETS, *SINGLE) if name != "series"]
    library = run.library([*shows, *copies, *small])
    run.measure(table, library, "one large show", sizes=(4, 8))
    for where, change in (("over-split", libraries.over_split), ("merged", libraries.merged)):
        labels = libraries.in_some(change, WRONG_LABELS)
        library = run.library(run.read(SETS + SINGLE), labels)
        run.measure(table, library, where, sizes=(8,))
        run.measure(table, run.library(shows, labels), f"{where}, alone", sizes=(8,))
    run.show(table)


PARTS: dict[str, Callable[[Run], None]] = {
    "alone": alone,
    "mixed": mixed,
    "channels": heard,
    "held-out": held_out,
    "strange": strange,
}


@click.command(help=__doc__)
@click.option("--part", "parts", multiple=True, type=click.Choice(list(PARTS)), help="Only this.")
@click.option("--draws", default=30, show_default=True, help="Galleries of each size.")
@click.option("--speech", type=click.Path(path_type=Path), default=SPEECH, help="The recordings.")
@click.option("--vectors", type=click.Path(path_type=Path), help="Keep the vectors in this file.")
@click.option("--markdown", is_flag=True, help="Print tables in Markdown.")
def main(
    parts: tuple[str, ...], draws: int, speech: Path, vectors: Path | None, markdown: bool
) -> None:
    """Print the tables of each part, and then whether what is required holds."""
    if not speech.is_dir():
        raise SystemExit(f"no recordings at {speech}")
    encoder, started = Remembering(make_encoder("campplus"), vectors), time.perf_counter()
    with (
        temporary_folder(in_memory=True) as server,
        temporary_folder() as folder,
        VoiceStore.open(folder=server, consent=False) as store,
    ):
        run = Run(store, folder, speech, encoder)
        run.draws, run.markdown = draws, markdown
        for name in parts or PARTS:
            PARTS[name](run)
            run.console.print(f"{name}: {time.perf_counter() - started:.0f} s so far")
    run.show(run.verdicts.table())
    run.console.print(machine.describe())
    sys.exit(0 if run.verdicts.all_hold else 1)


if __name__ == "__main__":
    main()
