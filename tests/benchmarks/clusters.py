"""Whether clusters are ever worse than segments: ``python tests/benchmarks/clusters.py``.

CAM++ on meetings, a series, digits over the telephone, a podcast and a conversation, with people
enrolled from other recordings. Each is named segment by segment and by a diarizer's labels, which
are right, wrong for 10 % of the turns, the same for two people, or two for one person; and by
labels of which each has one name at most, and each name one label. Exits with 1 if the
identification error rate by clusters is higher than by segments in any run.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path
from statistics import mean
from typing import NamedTuple

import click
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from pgvoice_benchmarks.cluster_runs import MISTAKES, Run, diarized, recordings, runs
from pgvoice_testkit.audio.shared_recordings import SPEECH
from pgvoice_testkit.servers.databases import temporary_store

from pgvoice.cli.output import waiting
from pgvoice.hooks import Encoder, fill, make_encoder
from pgvoice.hooks.evaluate.evaluate import evaluate
from pgvoice.store import Turn, VoiceStore

#: An error rate that is higher by less is not worse, but rounded differently.
ROUNDING = 1e-9


class Result(NamedTuple):
    """The identification error rates of a run."""

    kind: str
    mistake: str
    threshold: float | None
    name: str
    alone: float
    clusters: float
    one_name: float

    @property
    def worse(self) -> bool:
        return self.clusters > self.alone + ROUNDING

    @property
    def better(self) -> bool:
        return self.clusters < self.alone - ROUNDING

    @property
    def one_name_worse(self) -> bool:
        return self.one_name > self.clusters + ROUNDING

    @property
    def one_name_better(self) -> bool:
        return self.one_name < self.clusters - ROUNDING


@click.command()
@click.option(
    "--threshold",
    "thresholds",
    type=float,
    multiple=True,
    help="Judge by these too, besides the store's own thresholds.",
)
@click.option("--seed", default=3, show_default=True, help="Of the diarizer's mistakes.")
@click.option("--speech", type=click.Path(path_type=Path, exists=True), default=SPEECH)
def main(thresholds: tuple[float, ...], seed: int, speech: Path) -> None:
    """Name every recording by segments and by clusters, and compare."""
    encoder = make_encoder("campplus")
    with temporary_store() as store, waiting("filling and comparing"):
        found = measure(store, encoder, speech, seed, (None, *thresholds))
    worse = [each for each in found if each.worse]
    show(found, worse)
    sys.exit(bool(worse))


def measure(
    store: VoiceStore,
    encoder: Encoder,
    speech: Path,
    seed: int,
    thresholds: tuple[float | None, ...],
) -> list[Result]:
    """Every run with every mistake and threshold."""
    audio, references = {}, {}
    for video, (file, turns) in recordings(speech).items():
        fill(store, encoder, video=video, audio=file, segments=turns)
        audio[video] = file
        if any(turn.label for turn in turns):
            references[video] = turns
    found = []
    for run in list(runs(store, references)):
        _enroll(store, run)
        for mistake in MISTAKES:
            turns = references[run.video]
            heard = diarized(run, turns, mistake, seed)
            fill(store, encoder, video=run.video, audio=audio[run.video], segments=heard)
            found += [_result(store, run, turns, heard, mistake, each) for each in thresholds]
        for name in run.enrolled:
            store.people.remove(name)
    return found


def _enroll(store: VoiceStore, run: Run) -> None:
    for name, places in run.enrolled.items():
        for video in dict.fromkeys(video for video, _ in places):
            spans = [(key.start_s, key.end_s) for other, key in places if other == video]
            store.people.enroll_segments(name, video, spans, force=True)


def _result(
    store: VoiceStore,
    run: Run,
    turns: list[Turn],
    heard: list[Turn],
    mistake: str,
    threshold: float | None,
) -> Result:
    asked = {run.video: turns}
    labels = {run.video: [turn.label for turn in heard]}
    alone = evaluate(store, asked, threshold=threshold)
    clusters = evaluate(store, asked, threshold=threshold, clusters=labels)
    one_name = evaluate(store, asked, threshold=threshold, clusters=labels, one_label_one_name=True)
    rates = (one.overall.diarization.ier for one in (alone, clusters, one_name))
    return Result(run.video.partition("/")[0], mistake, threshold, run.name, *rates)


def show(found: list[Result], worse: list[Result]) -> None:
    """Mean error rates by kind and mistake, and the runs that became worse."""
    columns = "recordings", "mistakes", "threshold", "runs", "IER, segments", "IER, clusters"
    table = Table(*columns, "better", "worse", "IER, one name", "better", "worse")
    groups: dict[tuple[str, str, float | None], list[Result]] = defaultdict(list)
    for each in found:
        groups[each.kind, each.mistake, each.threshold].append(each)
    for (kind, mistake, threshold), group in groups.items():
        table.add_row(
            kind,
            mistake,
            "own" if threshold is None else f"{threshold:g}",
            str(len(group)),
            f"{mean(each.alone for each in group):.2%}",
            f"{mean(each.clusters for each in group):.2%}",
            str(sum(each.better for each in group)),
            str(sum(each.worse for each in group)),
            f"{mean(each.one_name for each in group):.2%}",
            str(sum(each.one_name_better for each in group)),
            str(sum(each.one_name_worse for each in group)),
        )
    console = Console(highlight=False, width=150)
    console.print(table)
    for each in worse:
        rule = "" if each.threshold is None else f", threshold {each.threshold:g}"
        rates = f"{each.alone:.2%} to {each.clusters:.2%}"
        console.print(f"worse: {each.name}, {each.mistake}{rule}: {rates}")
    console.print(f"by clusters worse than by segments: {len(worse)} of {len(found)} runs")
    better = sum(each.one_name_better for each in found)
    less = sum(each.one_name_worse for each in found)
    console.print(f"with one name each than by clusters: better in {better}, worse in {less}")


if __name__ == "__main__":
    main()
