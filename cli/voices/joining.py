"""``pgvoice voices same`` and ``different``: what linking got wrong."""

from __future__ import annotations

import click

from pgvoice.cli import options, output
from pgvoice.cli.voices.telling import number_argument, voice, write_act
from pgvoice.store.voice_store import VoiceStore

_dry_run_option = options.dry_run("changed, and change nothing")


@click.command(epilog="Example: pgvoice voices same 12 17")
@click.argument("numbers", type=options.Count(1), nargs=-1, required=True)
@_dry_run_option
@options.store_options
def same(store: VoiceStore, numbers: tuple[int, ...], dry_run: bool, as_json: bool) -> None:
    """Say that unknown voices are one person.

    The oldest number is left.
    """
    if len(set(numbers)) < 2:
        raise click.UsageError("Give two numbers or more: pgvoice voices same 12 17")
    done = store.voices.same(*numbers, dry_run=dry_run)
    if as_json:
        output.write_json(done)
        return
    others = ", ".join(str(each) for each in sorted(set(numbers)) if each != done.number)
    write_act(f"{others} {output.done('joined', dry_run)} with {voice(done.number)}", done)


@click.command(
    epilog="""\b
Examples: pgvoice voices different 12 --video talk
          pgvoice voices different 12 --video talk --dry-run"""
)
@number_argument
@click.option(
    "--video", required=True, metavar="KEY", help="The recording in which it is somebody else."
)
@_dry_run_option
@options.store_options
def different(store: VoiceStore, number: int, video: str, dry_run: bool, as_json: bool) -> None:
    """Say that an unknown voice is somebody else in one recording.

    That part leaves it, and is not linked with it again.
    """
    done = store.voices.different(number, video, dry_run=dry_run)
    if as_json:
        output.write_json(done)
        return
    write_act(f"{video} {output.done('parted', dry_run)} from {voice(number)}", done)
