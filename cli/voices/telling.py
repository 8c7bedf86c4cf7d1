"""What the commands about unknown voices have in common: their number, and how acts are told."""

from __future__ import annotations

import click

from pgvoice.cli import options, output
from pgvoice.cli.labels.moves import write_moves
from pgvoice.store.voices.naming import Change, Naming

#: The number of an unknown voice, as `pgvoice voices` shows it.
number_argument = click.argument("number", type=options.Count(1))


def voice(number: int) -> str:
    """An unknown voice as tables and answers call it."""
    return f"voice {number}"


def write_preview(found: Naming) -> None:
    """What naming an unknown voice changes, or changed."""
    write_moves(found.moves)
    if found.exemplars:
        seconds = sum(each.end - each.start for each in found.exemplars)
        videos = len({each.video for each in found.exemplars})
        click.echo(
            f"{output.counted(len(found.exemplars), 'exemplar')} from"
            f" {output.counted(videos, 'recording')}, {output.clock(seconds)}"
        )
    else:
        click.echo("no exemplar: the profile stays as it is")
    if found.left_out:
        them = "it stays" if found.left_out == 1 else "they stay"
        click.echo(
            f"{output.counted(found.left_out, 'appearance')} of the voice not similar enough:"
            f" {them} unknown"
        )


def write_act(done: str, found: Change) -> None:
    """What was done, and how it is taken back; of a dry run, what would be done."""
    if found.act is None:
        click.echo(output.printable(f"{done} (nothing changed: --dry-run)"))
    else:
        click.echo(output.printable(f"{done} (act {found.act}: `pgvoice undo {found.act}`)"))
