"""``pgvoice voices name``, ``dismiss``, ``suggestions``, ``accept`` and ``reject``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import click

from pgvoice.cli import options, output
from pgvoice.cli.answers.answering import say_encoder
from pgvoice.cli.voices.telling import number_argument, voice, write_act, write_preview
from pgvoice.store.privacy.consents import Consent
from pgvoice.store.voice_store import VoiceStore
from pgvoice.store.voices.naming import Naming

_force_option = click.option(
    "--force",
    is_flag=True,
    help="Enroll even if there is little speech, or it sounds like several people or like somebody"
    " else.",
)
_yes_option = click.option("--yes", is_flag=True, help="Do not ask on a terminal.")
_dry_run_option = options.dry_run("changed, and change nothing")


@click.command(
    epilog="""\b
Examples: pgvoice voices name 12 Ada --consent "form 7"
          pgvoice voices name 12 Ada --dry-run"""
)
@number_argument
@click.argument("name")
@options.consent_options
@_force_option
@_dry_run_option
@_yes_option
@options.wide_option
@options.store_options
def name(
    store: VoiceStore,
    number: int,
    name: str,
    evidence: str | None,
    purpose: str,
    until: datetime | None,
    force: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Give an unknown voice the name of a person.

    Enrolls a few clear samples of the voice from several recordings, gives the name to the voice
    wherever it is heard, and labels the library again. NAME can be enrolled already. Shows what
    will change, and asks on a terminal before it does. `pgvoice undo` takes all of it back.
    """
    consent = Consent(name, purpose, evidence, expires_at=until) if evidence else None

    def act(preview: bool) -> Naming:
        return store.voices.name(number, name, consent=consent, force=force, dry_run=preview)

    _carry_out(act, number, dry_run, yes, as_json)


@click.command(epilog="Example: pgvoice voices accept 12")
@number_argument
@_force_option
@_dry_run_option
@_yes_option
@options.wide_option
@options.store_options
def accept(
    store: VoiceStore, number: int, force: bool, dry_run: bool, yes: bool, as_json: bool
) -> None:
    """Say that an unknown voice is the person suggested.

    Does what `pgvoice voices name` does with the name that `pgvoice voices suggestions` shows.
    """

    def act(preview: bool) -> Naming:
        return store.voices.accept(number, force=force, dry_run=preview)

    _carry_out(act, number, dry_run, yes, as_json)


def _carry_out(
    act: Callable[[bool], Naming], number: int, dry_run: bool, yes: bool, as_json: bool
) -> None:
    """Change it; on a terminal show what will change and ask first, unless ``--yes``."""
    asks = not (dry_run or yes or as_json) and options.somebody_answers()
    found = act(dry_run or asks)
    if as_json:
        output.write_json(found)
        return
    write_preview(found)
    if asks:
        question = f"Name {voice(number)} {output.printable(found.speaker)}?"
        click.confirm(question, abort=True, err=True)
        found = act(False)
    write_act(told(found), found)


def told(done: Naming) -> str:
    """What naming did, in one sentence."""
    verb = "would be" if done.act is None else "is"
    recordings = output.counted(done.voices, "recording")
    return f"{voice(done.number)} {verb} {done.speaker}, in {recordings}"


@click.command(
    epilog="""\b
Examples: pgvoice voices dismiss 12 --why tv
          pgvoice voices --dismissed"""
)
@number_argument
@click.option(
    "--why", required=True, metavar="WORD", help="What it is: tv, music, a machine, passers-by."
)
@_dry_run_option
@options.store_options
def dismiss(store: VoiceStore, number: int, why: str, dry_run: bool, as_json: bool) -> None:
    """Say that an unknown voice is nobody to name.

    It is not listed any more, nor are its appearances in new recordings.
    """
    done = store.voices.dismiss(number, why, dry_run=dry_run)
    if as_json:
        output.write_json(done)
    else:
        write_act(f"{voice(number)} {output.done('dismissed', dry_run)} as {why}", done)


@click.command(epilog="Example: pgvoice voices suggestions")
@options.stored_encoder_option
@options.wide_option
@options.store_options
def suggestions(store: VoiceStore, encoder: str | None, as_json: bool) -> None:
    """List the unknown voices that may be somebody who is enrolled.

    Listen to them (`pgvoice voices play`), then `accept` or `reject` each, which is about those of
    the default encoder.
    """
    output.write_list(
        store.voices.suggestions(encoder=encoder),
        as_json,
        [
            output.number("voice"),
            output.person("may be"),
            output.number("similarity"),
            output.person("runner-up", 1),
            *output.numbers("speech", "recordings"),
        ],
        lambda each: (
            str(each.number),
            each.speaker,
            each.similarity,
            output.named(each.rival, each.rival_similarity),
            output.clock(each.seconds),
            each.recordings,
        ),
        "no unknown voice comes close to anybody who is enrolled",
    )
    say_encoder(store, encoder, as_json=as_json)


@click.command(epilog="Example: pgvoice voices reject 12")
@number_argument
@_dry_run_option
@options.store_options
def reject(store: VoiceStore, number: int, dry_run: bool, as_json: bool) -> None:
    """Say that an unknown voice is not the person suggested.

    That person is not suggested for it again.
    """
    done = store.voices.reject(number, dry_run=dry_run)
    if as_json:
        output.write_json(done)
    else:
        write_act(f"the suggestion for {voice(number)} {output.done('rejected', dry_run)}", done)
