"""``pgvoice voices enable`` and ``disable``: whether voices are linked across recordings."""

from __future__ import annotations

import click

from pgvoice.cli import options, output
from pgvoice.store.voice_store import VoiceStore

OFF = """\
Linking is off, so there are no unknown voices: `pgvoice voices enable` links
voices of people who are not enrolled across recordings. That makes biometric
data of people who were not asked: enable it only if you may process it."""
MEANING = """\
Voices of people who are not enrolled are now linked across recordings. That is
biometric data of people who were not asked: see to it that you may process it."""


@click.command(epilog="Example: pgvoice voices enable --days 90")
@options.integer("--days", 1, "Forget an unknown voice that no recording had for so long.")
@click.option(
    "--rate",
    type=options.Number(0, 1, min_open=True, max_open=True),
    metavar="SHARE",
    help="Share of voices that may be linked with somebody else's, such as 0.01.",
)
@options.store_options
def enable(store: VoiceStore, days: int | None, rate: float | None, as_json: bool) -> None:
    """Link the voices of people who are not enrolled, from now on.

    The stored recordings are linked at once, new ones by their fills. Without --days and --rate,
    what was set before stays.
    """
    with output.progress("linking") as bar:
        found = store.voices.enable(days=days, rate=rate, progress=bar)
    settings = store.voices.settings()
    if as_json:
        output.write_json({"settings": settings, "linked": found})
        return
    click.echo(
        f"{output.counted(found.unknown_voices, 'unknown voice')} of"
        f" {output.counted(found.voices, 'voice')} in"
        f" {output.counted(found.recordings, 'recording')}: `pgvoice voices` lists them"
    )
    click.echo(f"rate {settings.rate:g}, forgotten {settings.days:,} days after they spoke last\n")
    click.echo(MEANING)


@click.command(epilog="Example: pgvoice voices disable --yes")
@options.dry_run_option
@options.yes_option
@options.store_options
def disable(store: VoiceStore, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Stop linking, and delete the unknown voices.

    People who were named stay enrolled, and their labels stay.
    """
    count = sum(len(store.voices.unknown(dismissed=each)) for each in (False, True))
    found = output.counted(count, "unknown voice")
    if not dry_run:
        if count:
            options.confirm(f"Delete {found} and what was said about them?", yes)
        count = store.voices.disable()
    if as_json:
        output.write_json({"deleted": count, "dry_run": dry_run})
    else:
        off = "would be off" if dry_run else "is off"
        click.echo(f"linking {off}; {found} {output.done('deleted', dry_run)}")
