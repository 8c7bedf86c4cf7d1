"""Who speaks when, from audio alone: ``python tests/benchmarks/diarization.py --help``.

Each recording is filled into an embedded store without segments; its turns are read from there and
judged by pyannote.metrics over the whole file. A collar of .25 s lies on either side of each
boundary of the reference (what pyannote.metrics calls a collar of .5). Exits with 1 if an error
rate is higher than required.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import click
from rich.console import Console

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from pgvoice_benchmarks import machine
from pgvoice_benchmarks.diarizing import hypotheses, naming, report
from pgvoice_benchmarks.diarizing.hypotheses import Found
from pgvoice_benchmarks.diarizing.scoring import Score, score
from pgvoice_benchmarks.diarizing.sets import SETS, recordings, seconds, whole
from pgvoice_benchmarks.naming.recordings import Recording
from pgvoice_benchmarks.tables import Table
from pgvoice_testkit.audio.shared_recordings import SPEECH
from pgvoice_testkit.servers.databases import temporary_folder, temporary_store

from pgvoice.hooks import make_encoder, make_segmenter
from pgvoice.hooks.evaluate.diarization import DiarizationError

WIDTH = 200
Sets = dict[str, list[Recording]]


@click.command()
@click.option("--speech", type=click.Path(path_type=Path), default=SPEECH, help="The recordings.")
@click.option("--segmenter", "segmenter_name", help="Default: the segmenter that pgvoice uses.")
@click.option("--encoder", "encoder_name", default="campplus", show_default=True)
@click.option("--device", help="Where the models run; default: a card if there is one.")
@click.option("--only", multiple=True, type=click.Choice(SETS), help="A set; may be repeated.")
@click.option("--no-names", is_flag=True, help="Leave out the identification error rates.")
@click.option("--write", type=click.Path(path_type=Path), help="Keep audio and turns there.")
@click.option(
    "--compare",
    type=click.Path(exists=True, path_type=Path),
    help="A folder made by --write, with turns of other diarizers: print only the comparison.",
)
@click.option("--markdown", is_flag=True, help="Print Markdown tables.")
def main(
    speech: Path,
    segmenter_name: str | None,
    encoder_name: str,
    device: str | None,
    only: Sequence[str],
    no_names: bool,
    write: Path | None,
    compare: Path | None,
    markdown: bool,
) -> None:
    """Measure diarization and identification error rates of turns from audio alone."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)
    console.print(f"{date.today()}, {machine.describe()}", soft_wrap=True)
    with temporary_folder() as folder:
        made = write or folder
        made.mkdir(parents=True, exist_ok=True)
        sets = {group: recordings(group, speech, _audio(made)) for group in only or SETS}
        if compare:
            comparison(compare, sets).show(console, markdown=markdown)
            return
        run = Run(encoder_name, segmenter_name, device)
        scores, errors = run.measure(sets, write, names=not no_names)
    for table in (report.by_set(scores), report.by_file(scores), report.with_names(errors)):
        if table.rows:
            table.show(console, markdown=markdown)
    failed = list(report.failures(scores))
    for line in failed:
        console.print(f"[red]{line}[/red]")
    sys.exit(bool(failed))


class Run:
    """Recordings filled from their audio alone, in one store."""

    def __init__(self, encoder: str, segmenter: str | None, device: str | None) -> None:
        self.encoder = make_encoder(encoder, device=device)
        self.segmenter = make_segmenter(segmenter, device=device)
        self.encoder.load()
        self.segmenter.load()

    def measure(
        self, sets: Sets, write: Path | None, *, names: bool
    ) -> tuple[report.Scores, dict[str, Sequence[DiarizationError]]]:
        """The scores of turns, and the errors of names for given turns and for these."""
        scores: dict[str, dict[str, Score]] = {}
        errors: dict[str, Sequence[DiarizationError]] = {}
        with temporary_store() as heard, temporary_store() as given:
            for group, files in sets.items():
                found = hypotheses.from_audio(heard, self.encoder, self.segmenter, files)
                scores[group] = scored(files, found)
                if write:
                    hypotheses.write(write, "pgvoice", files, found)
                if names:
                    naming.fill_given(given, self.encoder, files)
                    stores = (given, heard)
                    errors[group] = [naming.named(one, self.encoder, files) for one in stores]
        return scores, errors


def scored(files: Sequence[Recording], found: Found) -> dict[str, Score]:
    """The score of each file by key."""
    return {one.key: score(one.turns, found.turns[one.key], whole(one)) for one in files}


def comparison(folder: Path, sets: Sets) -> Table:
    """The scores of every diarizer that has turns of a set."""
    by_diarizer, costs = {}, {}
    for name in hypotheses.diarizers(folder):
        found = {group: hypotheses.read(folder / name, files) for group, files in sets.items()}
        there = {group: one for group, one in found.items() if one}
        if not there:
            continue
        by_diarizer[name] = {group: scored(sets[group], one) for group, one in there.items()}
        if taken := sum(one.seconds for one in there.values()):
            costs[name] = taken / sum(sum(map(seconds, sets[group])) for group in there)
    return report.compared(by_diarizer, costs)


def _audio(folder: Path) -> Path:
    """Where conversations are made."""
    audio = folder / hypotheses.AUDIO
    audio.mkdir(exist_ok=True)
    return audio


if __name__ == "__main__":
    main()
