"""What an ingest did, and what to do next."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

import click

from pgvoice.cli import output
from pgvoice.cli.answers.index import advice_on
from pgvoice.cli.ingest.progress import duration
from pgvoice.hooks.ingest.running import IngestReport
from pgvoice.store.upkeep.ingests import Outcome
from pgvoice.store.voice_store import VoiceStore

#: The recordings that a message names.
NAMED = 10
NOT_LINKED = "to name a voice once for all recordings, link them: `pgvoice voices enable`"


@dataclass(frozen=True, slots=True)
class Finished:
    """An ingest's report, and the store that it leaves."""

    ingest: str
    complete: int
    filled: int
    erased: int
    vectors: int
    audio_seconds: float
    labelled: int
    #: The people who were named in recordings that were labelled.
    people: list[str]
    #: Whether voices are linked across recordings, and how many unknown voices there are.
    linking: bool
    unknown_voices: int | None
    failed: list[Outcome]
    invalid: list[Outcome]
    #: Why labels were not kept.
    unlabelled: str | None
    stopped: bool
    #: What to do about the index of similar segments.
    advice: list[str]


def finished(store: VoiceStore, name: str, report: IngestReport) -> Finished:
    """The report with what the store has now."""
    linking = store.voices.settings().enabled
    return Finished(
        ingest=name,
        complete=report.complete,
        filled=report.filled,
        erased=report.erased,
        vectors=report.vectors,
        audio_seconds=round(report.seconds, 3),
        labelled=report.labelled,
        people=report.people,
        linking=linking,
        unknown_voices=len(store.voices.unknown()) if linking else None,
        failed=report.failed,
        invalid=report.invalid,
        unlabelled=report.unlabelled,
        stopped=report.stopped,
        advice=advice_on(store),
    )


def write_report(found: Finished) -> None:
    """A few lines on standard output."""
    click.echo(_counts(found))
    _write_problems(found)
    if found.labelled:
        click.echo(_heard(found))
    if found.unlabelled is not None:
        output.say(f"labels were not kept: {found.unlabelled}")
    if found.labelled:
        click.echo("next: `pgvoice serve` shows who speaks, and lets you name voices")
    if found.labelled and not found.linking:
        click.echo(NOT_LINKED)
    for line in found.advice:
        output.say(line)


def _counts(found: Finished) -> str:
    videos = found.complete + found.filled + found.erased + len(found.failed)
    return (
        f"{output.counted(videos, 'recording')}: {found.complete:,} already complete,"
        f" {found.filled:,} filled ({output.counted(found.vectors, 'vector')}),"
        f" {len(found.failed):,} failed"
        + (f", {found.erased:,} erased before" if found.erased else "")
        + (f"; {len(found.invalid):,} with invalid segments" if found.invalid else "")
        + ("; stopped" if found.stopped else "")
    )


def _write_problems(found: Finished) -> None:
    problems = [(each.video, each.error) for each in found.failed]
    problems += [(each.video, each.invalid) for each in found.invalid]
    for video, problem in problems[:NAMED]:
        click.echo(output.printable(f"  {video}: {problem}"))
    if problems:
        name = shlex.quote(found.ingest)
        click.echo(output.printable(f"`pgvoice ingest failed {name}` lists them all"))


def _heard(found: Finished) -> str:
    people = "1 person" if len(found.people) == 1 else f"{len(found.people):,} people"
    parts = [f"{duration(found.audio_seconds)} of audio", f"{people} named"]
    if found.unknown_voices is not None:
        parts.append(output.counted(found.unknown_voices, "unknown voice"))
    return ", ".join(parts)
