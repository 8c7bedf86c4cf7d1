"""Correct names in the simulated podcast: ``python tests/benchmarks/podcast.py``.

Enrolls four people from their first four recordings, fills the podcast with CAM++ in a temporary
database, identifies the turns in SQL and fills again.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from pgvoice_testkit.audio.podcast import (
    MIN_SECONDS,
    STRANGER,
    SpokenTurn,
    enroll,
    fill_turns,
    identified,
)
from pgvoice_testkit.audio.shared_recordings import SPEECH
from pgvoice_testkit.servers.databases import temporary_store

from pgvoice.hooks import make_encoder
from pgvoice.store import VoiceStore


@click.command()
@click.argument("speech", type=click.Path(file_okay=False, path_type=Path), default=SPEECH)
def main(speech: Path) -> None:
    """Fill and identify the podcast in the folder SPEECH [default: ../shared/speech]."""
    with temporary_store() as store:
        measure(store, speech)


def measure(store: VoiceStore, speech: Path) -> None:
    console = Console()
    encoder = make_encoder("campplus")
    enroll(store, encoder, speech)
    first = fill_turns(store, encoder, speech)
    judged = identified(store, speech)
    console.print(_table(judged))
    right = sum(turn.right for turn in judged)
    strangers = [turn for turn in judged if turn.reference.label == STRANGER]
    named = sum(turn.answer.speaker is not None for turn in strangers)
    console.print(
        f"turns of at least {MIN_SECONDS} s: {right} of {len(judged)} right"
        f" ({right / len(judged):.1%}); the stranger was named in {named} of {len(strangers)}"
    )
    second = fill_turns(store, encoder, speech)
    for name, report in (("first", first), ("second", second)):
        console.print(
            f"{name} fill: {report.missing} missing, {report.encoder_calls} model calls,"
            f" {int(report.decoded)} decodes"
        )


def _table(judged: list[SpokenTurn]) -> Table:
    table = Table("start", "reference", "speaker", "similarity", "runner-up", "reason", "right")
    for turn in judged:
        answer = turn.answer
        table.add_row(
            f"{answer.start:.1f}",
            turn.reference.label,
            answer.speaker or "",
            f"{answer.similarity:.3f}",
            f"{answer.runner_up} {answer.runner_up_similarity:.3f}",
            answer.reason,
            "yes" if turn.right else "NO",
        )
    return table


if __name__ == "__main__":
    main()
