"""``pgvoice demo``."""

from __future__ import annotations

import os
from pathlib import Path

import click

from pgvoice.cli import options, output
from pgvoice.cli.answers.identify import who
from pgvoice.cli.answers.in_seconds import in_seconds
from pgvoice.cli.demo.demo_conversation import (
    LONG_TURN,
    VIDEO,
    Conversation,
    Outcome,
    Score,
    find_conversation,
    play,
    score,
)
from pgvoice.cli.fill import report_document, summary
from pgvoice.store.database import embedded
from pgvoice.store.voice_store import VoiceStore

CREDIT = "the sample of pyannote.audio (MIT License)"


@click.command(epilog="Example: pgvoice demo")
@click.option("--remove", is_flag=True, help="Delete the demo's data.")
@options.dry_run_option
@options.device_option
@options.json_option
def demo(remove: bool, dry_run: bool, device: str | None, as_json: bool) -> None:
    """Try pgvoice on a conversation of two people.

    Enrolls both from one turn each, fills and identifies the other turns, and compares the answers
    with the reference. Needs `pip install "pgvoice[demo]"`. The data is stored in an embedded
    server of its own; PGVOICE_DATABASE_URL is ignored.
    """
    folder = embedded.data_folder() / "demo"
    if remove:
        _remove(folder, dry_run)
        return
    if dry_run:
        raise click.UsageError("--dry-run needs --remove.")
    conversation = find_conversation()
    if not as_json:
        _write_beginning(conversation, folder)
    with (
        output.waiting("filling and identifying"),
        VoiceStore.open(folder=folder, consent=False) as store,
    ):
        outcome = play(store, conversation, device)
    if as_json:
        output.write_json(_document(outcome, folder))
    else:
        _write_outcome(outcome)
        _write_ending(outcome, folder)


def _remove(folder: Path, dry_run: bool) -> None:
    dry_run = dry_run and embedded.exists(folder)
    if not dry_run:
        embedded.remove(folder)
    click.echo(f"{folder} {output.done('deleted', dry_run)}")


def _write_beginning(conversation: Conversation, folder: Path) -> None:
    people = len(conversation.enrolling)
    turns = people + len(conversation.asking)
    click.echo(f"A conversation of {people} people in {turns} turns: {CREDIT}.")
    click.echo(f"The store is in {folder}\n")


def _write_outcome(outcome: Outcome) -> None:
    for turn in outcome.conversation.enrolling:
        when = f"{output.clock(turn.start)} to {output.clock(turn.end)}"
        click.echo(f"enrolled {turn.label} from {when}")
    run = outcome.first.run
    click.echo(f"filled {output.counted(run.requested, 'other turn')}: {summary(outcome.first)}\n")
    _write_turns(outcome)


def _write_turns(outcome: Outcome) -> None:
    similarity = output.number("similarity")
    output.write_table(
        [output.number("start"), "reference", "speaker", similarity, "runner-up", "reason"],
        (
            (
                output.clock(answer.start),
                turn.label,
                who(answer),
                answer.similarity,
                output.named(answer.runner_up, answer.runner_up_similarity),
                answer.reason,
            )
            for turn, answer in zip(outcome.conversation.asking, outcome.answers, strict=True)
        ),
    )


def _write_ending(outcome: Outcome, folder: Path) -> None:
    scores = _scores(outcome)
    click.echo(f"\nall {_counts(scores['all_turns'], 'turns')}")
    click.echo(_counts(scores["long_turns"], "turns of at least 1 s"))
    click.echo(f"the same fill again: {summary(outcome.second)}")
    person = outcome.conversation.enrolling[0].label
    unset = "env -u PGVOICE_DATABASE_URL " if os.environ.get("PGVOICE_DATABASE_URL") else ""
    click.echo("\nLook further:")
    for command in (f"search {person}", f"identify {VIDEO}", "db shell"):
        click.echo(f"  {unset}PGVOICE_DATA={folder} pgvoice {command}")
    click.echo("Delete the demo's data:\n  pgvoice demo --remove")


def _counts(score: Score, turns: str) -> str:
    counts = f"{score.right} right, {score.wrong} wrong, {score.abstained} not named"
    return f"{score.turns} {turns}: {counts}"


def _scores(outcome: Outcome) -> dict[str, Score]:
    asked = outcome.conversation.asking
    return {
        "all_turns": score(outcome.answers, asked),
        "long_turns": score(outcome.answers, asked, at_least=LONG_TURN),
    }


def _document(outcome: Outcome, folder: Path) -> dict[str, object]:
    enrolled = [
        {"speaker": turn.label, "start": turn.start, "end": turn.end}
        for turn in outcome.conversation.enrolling
    ]
    turns = [
        {"reference": turn.label} | in_seconds(answer)
        for turn, answer in zip(outcome.conversation.asking, outcome.answers, strict=True)
    ]
    scores = {name: score._asdict() for name, score in _scores(outcome).items()}
    return {
        "folder": folder,
        "credit": CREDIT,
        "enrolled": enrolled,
        "turns": turns,
        **scores,
        "first_fill": report_document(outcome.first),
        "second_fill": report_document(outcome.second),
    }
