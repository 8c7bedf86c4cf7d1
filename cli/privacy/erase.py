"""``pgvoice erase`` and ``pgvoice retention``: deleting people and recordings for good."""

from __future__ import annotations

from collections.abc import Sequence

import click

from pgvoice.cli import options, output
from pgvoice.cli.group import FAILED, Group
from pgvoice.store.privacy.erasing import SEGMENTS, Erasure
from pgvoice.store.privacy.remains import Remainder
from pgvoice.store.voice_store import VoiceStore

_vacuum_option = click.option(
    "--vacuum",
    is_flag=True,
    help="Also rewrite the tables and end the write-ahead log; others wait meanwhile.",
)


@click.group(cls=Group)
def erase() -> None:
    """Erase people and recordings with all their data.

    --dry-run lists what would be deleted, and the audit trail records what was. What erasing does
    not reach, such as exports and backups, is listed with what ends it. The exit code is 1 if the
    erasure is not complete before that.
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
@_vacuum_option
@options.dry_run_option
@options.yes_option
@options.wide_option
@options.store_options
@click.pass_context
def speaker(
    context: click.Context,
    store: VoiceStore,
    name: str,
    with_segments: bool | None,
    opt_out: bool,
    opt_out_voice: bool,
    vacuum: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Erase a person: voiceprint, labels, consents, name.

    Thresholds that were calibrated while the person was enrolled are deleted too. --with-segments
    deletes the vectors of all encoders for the person's speech, wherever the same audio is stored,
    with those of others who speak at the same time. No vector of that speech is stored again before
    a new consent of the person.
    """
    found = store.privacy.erase_speaker(name, with_segments=True, dry_run=True)
    if not dry_run:
        if with_segments is None:
            with_segments = _ask_for_segments(found.count(SEGMENTS))
        options.confirm(_question(found), yes)
        found = store.privacy.erase_speaker(
            name, with_segments=with_segments, opt_out=opt_out, opt_out_voice=opt_out_voice
        )
    _tell(context, store, found, vacuum, as_json)


@erase.command(epilog="Example: pgvoice erase video talk --dry-run")
@click.argument("video")
@_vacuum_option
@options.dry_run_option
@options.yes_option
@options.wide_option
@options.store_options
@click.pass_context
def video(
    context: click.Context,
    store: VoiceStore,
    video: str,
    vacuum: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Erase a recording: segments, labels, records of fills.

    No vector of the same audio file, or of anything else under this key, is stored again: see
    `pgvoice erase allow --video`.
    """
    found = store.privacy.erase_video(video, dry_run=True)
    if not dry_run:
        options.confirm(_question(found), yes)
        found = store.privacy.erase_video(video)
    _tell(context, store, found, vacuum, as_json)


@erase.command("opt-outs", epilog="Example: pgvoice erase opt-outs")
@options.wide_option
@options.store_options
def list_opt_outs(store: VoiceStore, as_json: bool) -> None:
    """List the opt-outs.

    Opt-outs are listed by number, because the names of these people are not stored.
    """
    output.write_list(
        store.privacy.opt_outs(),
        as_json,
        [output.number("opt-out"), "since", output.explanation("voice refused by encoder")],
        lambda each: (each.id, output.day(each.created_at), ", ".join(each.voices) or None),
        "nobody has opted out",
    )


@erase.command(
    epilog="""\b
Examples: pgvoice erase allow Ada
          pgvoice erase allow talk --video"""
)
@click.argument("name")
@click.option("--video", is_flag=True, help="NAME is a recording that was erased.")
@options.open_store
def allow(store: VoiceStore, name: str, video: bool) -> None:
    """End the opt-out of NAME, who may then be enrolled again.

    Their erased speech is stored again only after a new consent. With --video, a recording that was
    erased may be filled again.
    """
    if video:
        store.privacy.allow_video(name)
        click.echo(output.printable(f"{name} may be filled again"))
        return
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


def _tell(
    context: click.Context, store: VoiceStore, found: Erasure, vacuum: bool, as_json: bool
) -> None:
    left = [] if found.dry_run else store.privacy.remains(found.subject, vacuum=vacuum)
    if as_json:
        rows = {"subject": found.subject, "rows": found.rows, "dry_run": found.dry_run}
        output.write_json(rows | {"remains": left})
    else:
        columns = (output.done("erased", found.dry_run), output.number("rows"))
        output.write_table(columns, ((each.what, each.rows) for each in found.rows if each.rows))
        write_remains(left)
    context.exit(FAILED if any(each.unfinished for each in left) else 0)


def write_remains(left: Sequence[Remainder]) -> None:
    """Show what was not reached, and what ends it."""
    for each in left:
        click.echo(output.printable(f"remains: {each.what}: {each.remedy}"))


@click.group(cls=Group)
def retention() -> None:
    """Delete data whose retention period has ended."""


@retention.command(epilog="Example, once a day: pgvoice retention run --unattributed-days 180")
@options.integer(
    "--unattributed-days",
    0,
    "Also delete vectors that are more than N days old and belong to nobody according to stored"
    " labels and exemplars.",
)
@options.dry_run_option
@options.store_options
def run(store: VoiceStore, unattributed_days: int | None, dry_run: bool, as_json: bool) -> None:
    """Delete what has been kept long enough.

    Voiceprints, unknown voices, and what acts changed.
    """
    found = store.privacy.delete_expired(unattributed_days=unattributed_days, dry_run=dry_run)
    if as_json:
        output.write_json(found)
        return
    deleted = output.done("deleted", dry_run)
    people = ", ".join(map(output.printable, found.speakers))
    click.echo(
        f"{output.counted(found.exemplars, 'exemplar')}{people and f' of {people}'} {deleted}\n"
        f"{output.counted(found.segments, 'unattributed vector')} {deleted}"
    )
    if found.unknown_voices:
        click.echo(f"{output.counted(found.unknown_voices, 'unknown voice')} {deleted}")
    if found.acts:
        can = "could" if dry_run else "can"
        click.echo(f"{output.counted(found.acts, 'act')} {can} not be undone any more")
    if found.speakers and not dry_run:
        write_remains(store.privacy.remains(found.speakers[0]))
