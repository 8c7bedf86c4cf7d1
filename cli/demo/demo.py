"""``pgvoice demo``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pgvoice.cli import options, output
from pgvoice.cli.answers.identify import who
from pgvoice.cli.answers.in_seconds import in_seconds
from pgvoice.cli.fill import report_document, summary

if TYPE_CHECKING:
    from pgvoice.cli.demo.demo_conversation import Conversation, Outcome, Score

CREDIT = "the sample of pyannote.audio (MIT License)"


@click.command(epilog="Example: pgvoice demo")
@click.option("--remove", is_flag=True, help="Delete the demo's data.")
@options.dry_run_option
@options.device_option
@options.json_option
def demo(remove: bool, dry_run: bool, device: str | None, as_json: bool) -> None:
    """Play all of pgvoice on a conversation of two people.

    Both are enrolled from one turn each; the other turns are embedded and named in SQL, and
    compared with the reference. Needs `pip install "pgvoice[demo]"`. The data goes into an
    embedded server of its own; PGVOICE_DATABASE_URL is ignored on purpose.
    """
    from pgvoice.store.database import embedded

    folder = embedded.data_folder() / "demo"
    if remove:
        _remove(folder, dry_run)
        return
    if dry_run:
        raise click.UsageError("--dry-run goes with --remove")
    from pgvoice.cli.demo.demo_conversation import find_conversation, play
    from pgvoice.store.voice_store import VoiceStore

    conversation = find_conversation()
    if not as_json:
        _write_beginning(conversation, folder)
    with (
        output.waiting("embedding and comparing"),
        VoiceStore.open(folder=folder, consent=False) as store,
    ):
        outcome = play(store, conversation, device)
    if as_json:
        output.write_json(_document(outcome, folder))
    else:
        _write_outcome(outcome)
        _write_ending(outcome, folder)


def _remove(folder: Path, dry_run: bool) -> None:
    from pgvoice.store.database import embedded

    if dry_run and embedded.exists(folder):
        click.echo(f"{folder} would be deleted")
        return
    embedded.remove(folder)
    click.echo(f"deleted {folder}")


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
    columns = [output.number("start"), output.Column("reference"), output.Column("speaker")]
    columns += [output.number("similarity"), output.Column("runner-up"), output.word("reason")]
    rows = (
        (
            output.clock(answer.start),
            str(turn.label),
            who(answer),
            output.similarity(answer.similarity),
            output.named(answer.runner_up, answer.runner_up_similarity),
            answer.reason,
        )
        for turn, answer in zip(outcome.conversation.asking, outcome.answers, strict=True)
    )
    output.write_table(columns, rows)


def _write_ending(outcome: Outcome, folder: Path) -> None:
    from pgvoice.cli.demo.demo_conversation import VIDEO

    scores = _scores(outcome)
    click.echo(f"\nof all {scores['all_turns'].turns} turns: {_told(scores['all_turns'])}")
    click.echo(
        f"of the {scores['long_turns'].turns} of at least 1 s: {_told(scores['long_turns'])}"
    )
    click.echo(f"the same fill again: {summary(outcome.second)}")
    person = outcome.conversation.enrolling[0].label
    unset = "env -u PGVOICE_DATABASE_URL " if os.environ.get("PGVOICE_DATABASE_URL") else ""
    click.echo("\nLook further:")
    for command in (f"search {person}", f"identify {VIDEO}", "db shell"):
        click.echo(f"  {unset}PGVOICE_DATA={folder} pgvoice {command}")
    click.echo("Delete the demo's data:\n  pgvoice demo --remove")


def _told(score: Score) -> str:
    return f"{score.right} right, {score.wrong} wrong, {score.abstained} not named"


def _scores(outcome: Outcome) -> dict[str, Score]:
    from pgvoice.cli.demo.demo_conversation import score, score_long

    asked = outcome.conversation.asking
    return {
        "all_turns": score(outcome.answers, asked),
        "long_turns": score_long(outcome.answers, asked),
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
