"""``pgvoice erase``: people and recordings with all their data."""

from __future__ import annotations

import click

from pgvoice.cli import options, output
from pgvoice.cli.group import Group
from pgvoice.store.privacy.erasing import SEGMENTS, Erasure
from pgvoice.store.voice_store import VoiceStore


@click.group(cls=Group)
def erase() -> None:
    """Erase people and recordings with all their data.

    --dry-run lists what would be deleted, and the audit trail records what was. Backups are not
    changed: erase again after restoring one.
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
    help="Also erase the vectors of the person's segments, or keep them [asks].",
)
@click.option(
    "--opt-out", is_flag=True, help="Refuse the name in future; pgvoice keeps a hash of it."
)
@click.option(
    "--opt-out-voice",
    is_flag=True,
    help="Refuse the voice under any name, if the person asks for that; pgvoice keeps the profile.",
)
@options.dry_run_option
@options.yes_option
@options.store_options
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
    """Erase a person: voiceprint, labels, consents, name.

    Thresholds that were calibrated while the person was enrolled are deleted too. Segments without
    their vectors get the status erased, so no fill computes them again.
    """
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
@options.store_options
def video(video: str, dry_run: bool, yes: bool, url: str | None, as_json: bool) -> None:
    """Erase a recording: segments, labels, records of fills."""
    with VoiceStore.open(url) as store:
        found = store.privacy.erase_video(video, dry_run=True)
        if not dry_run:
            options.confirm(_question(found), yes)
            found = store.privacy.erase_video(video)
    _write(found, as_json)


@erase.command("opt-outs", epilog="Example: pgvoice erase opt-outs")
@options.store_options
def list_opt_outs(url: str | None, as_json: bool) -> None:
    """List the opt-outs.

    Opt-outs are listed by number, because the names of these people are not stored.
    """
    with VoiceStore.open(url) as store:
        found = store.privacy.opt_outs()
    output.write_list(
        found,
        as_json,
        [output.number("opt-out"), "since", "voice refused by encoder"],
        lambda each: (each.id, output.day(each.created_at), ", ".join(each.voices) or None),
        "nobody has opted out",
    )


@erase.command(epilog="Example: pgvoice erase allow Ada")
@click.argument("name")
@options.url_option
def allow(name: str, url: str | None) -> None:
    """End the opt-out of NAME, who may then be enrolled again."""
    with VoiceStore.open(url) as store:
        store.privacy.lift_opt_out(name)
    click.echo(output.printable(f"{name} may be enrolled again"))


def _ask_for_segments(count: int) -> bool:
    if not count:
        return False
    question = f"Also erase the vectors of {output.counted(count, 'segment')} in which they speak?"
    if not options.somebody_answers():
        raise click.UsageError(
            f"{question} There is no terminal to ask at: give --with-segments or --keep-segments."
        )
    return click.confirm(question, err=True)


def _question(found: Erasure) -> str:
    rows = sum(each.rows for each in found.rows)
    return f"Erase {output.printable(found.subject)} ({output.counted(rows, 'row')})?"


def _write(found: Erasure, as_json: bool) -> None:
    if as_json:
        output.write_json(found)
        return
    columns = (output.done("erased", found.dry_run), output.number("rows"))
    output.write_table(columns, ((each.what, each.rows) for each in found.rows if each.rows))
