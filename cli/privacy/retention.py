"""``pgvoice retention``: deleting data whose retention period has ended."""

from __future__ import annotations

import click

from pgvoice.cli import options, output
from pgvoice.cli.group import Group
from pgvoice.store.voice_store import VoiceStore


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
def run(unattributed_days: int | None, dry_run: bool, url: str | None, as_json: bool) -> None:
    """Delete the voiceprints of people whose consents have all ended."""
    with VoiceStore.open(url) as store:
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
