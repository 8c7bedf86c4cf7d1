"""``pgvoice erase``: people and recordings, with everything about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pgvoice.cli import options, output
from pgvoice.cli.group import Group

if TYPE_CHECKING:
    from pgvoice.store.privacy.erasing import Erasure


@click.group(cls=Group)
def erase() -> None:
    """Erase people and recordings, with everything about them.

    What goes is listed first (--dry-run), and the audit trail keeps that it went. Copies in backups
    stay until those expire; erase again after a restore.
    """


@erase.command(
    epilog="""\b
Examples: pgvoice erase speaker Ada --dry-run
          pgvoice erase speaker Ada --with-segments --opt-out"""
)
@click.argument("name")
@click.option(
    "--with-segments/--keep-segments",
    "with_segments",
    default=None,
    help="Empty the segments that are theirs, too, or keep them; asked for where neither is given.",
)
@click.option("--opt-out", is_flag=True, help="Refuse the name from now on; a hash of it is kept.")
@click.option(
    "--opt-out-voice",
    is_flag=True,
    help="Refuse the voice, under any name: their profile is kept for that, if they ask for it.",
)
@options.dry_run_option
@options.yes_option
@options.url_option
@options.json_option
def speaker(
    name: str,
    with_segments: bool | None,
    opt_out: bool,
    opt_out_voice: bool,
    dry_run: bool,
    yes: bool,
    url: str | None,
    as_json: bool,
) -> None:
    """Erase a person: voice, labels, consents, name.

    Thresholds that were calibrated while the person was enrolled go, too. Emptied segments stay
    `erased`, so that no fill computes them again.
    """
    from pgvoice.store.privacy.erasing import SEGMENTS
    from pgvoice.store.voice_store import VoiceStore

    with VoiceStore.open(url) as store:
        found = store.privacy.erase_speaker(name, with_segments=True, dry_run=True)
        if not dry_run:
            if with_segments is None:
                with_segments = _ask_for_segments(found.count(SEGMENTS))
            options.confirm(_question(found), yes)
            found = store.privacy.erase_speaker(
                name, with_segments=with_segments, opt_out=opt_out, opt_out_voice=opt_out_voice
            )
    _write(found, as_json)


@erase.command(epilog="Example: pgvoice erase video talk --dry-run")
@click.argument("video")
@options.dry_run_option
@options.yes_option
@options.url_option
@options.json_option
def video(video: str, dry_run: bool, yes: bool, url: str | None, as_json: bool) -> None:
    """Erase a recording: segments, labels, records of fills."""
    from pgvoice.store.voice_store import VoiceStore

    with VoiceStore.open(url) as store:
        found = store.privacy.erase_video(video, dry_run=True)
        if not dry_run:
            options.confirm(_question(found), yes)
            found = store.privacy.erase_video(video)
    _write(found, as_json)


@erase.command("opt-outs", epilog="Example: pgvoice erase opt-outs")
@options.url_option
@options.json_option
def list_opt_outs(url: str | None, as_json: bool) -> None:
    """List who is to stay out; by number, as names are not kept."""
    from pgvoice.store.voice_store import VoiceStore

    with VoiceStore.open(url) as store:
        found = store.privacy.opt_outs()
    if as_json:
        output.write_json(found)
    elif found:
        columns = [output.number("opt-out"), output.Column("since"), output.Column("voice with")]
        rows = (
            (str(each.id), output.day(each.created_at), ", ".join(each.voices) or output.NOTHING)
            for each in found
        )
        output.write_table(columns, rows)
    else:
        click.echo("nobody is to stay out")


@erase.command(epilog="Example: pgvoice erase allow Ada")
@click.argument("name")
@options.url_option
def allow(name: str, url: str | None) -> None:
    """Let somebody in again who was to stay out."""
    from pgvoice.store.voice_store import VoiceStore

    with VoiceStore.open(url) as store:
        store.privacy.lift_opt_out(name)
    click.echo(output.printable(f"{name} may be enrolled again"))


def _ask_for_segments(count: int) -> bool:
    if not count:
        return False
    question = f"Empty the {output.counted(count, 'segment')} in which they speak, too?"
    if not options.somebody_answers():
        raise click.UsageError(
            f"{question} Nobody can be asked here: give --with-segments or --keep-segments."
        )
    return click.confirm(question, err=True)


def _question(found: Erasure) -> str:
    rows = sum(each.rows for each in found.rows)
    return f"Erase {output.printable(found.subject)}, {output.counted(rows, 'row')}?"


def _write(found: Erasure, as_json: bool) -> None:
    if as_json:
        output.write_json(found)
        return
    columns = [output.Column("would go" if found.dry_run else "went"), output.number("rows")]
    output.write_table(columns, ((each.what, f"{each.rows:,}") for each in found.rows if each.rows))
