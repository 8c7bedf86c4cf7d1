"""``pgvoice retention`` and ``pgvoice audit``: what may be kept, and what was done."""

from __future__ import annotations

import json

import click

from pgvoice.cli import options, output
from pgvoice.cli.group import Group


@click.group(cls=Group)
def retention() -> None:
    """Remove what may not be kept any longer."""


@retention.command(epilog="Example, once a day: pgvoice retention run --unattributed-days 180")
@click.option(
    "--unattributed-days",
    type=click.IntRange(min=0),
    metavar="N",
    help="Delete older vectors that no kept label and no exemplar gives to anybody, too.",
)
@options.dry_run_option
@options.url_option
@options.json_option
def run(unattributed_days: int | None, dry_run: bool, url: str | None, as_json: bool) -> None:
    """Delete the voices of people all of whose consents have ended."""
    from pgvoice.store.voice_store import VoiceStore

    with VoiceStore.open(url) as store:
        found = store.privacy.delete_expired(unattributed_days=unattributed_days, dry_run=dry_run)
    if as_json:
        output.write_json(found)
        return
    verb = "would go" if dry_run else "deleted"
    people = ", ".join(map(output.printable, found.speakers))
    click.echo(
        f"{output.counted(found.exemplars, 'exemplar')}{people and f' of {people}'} {verb}\n"
        f"{output.counted(found.segments, 'old vector')} of nobody known {verb}"
    )


@click.command(epilog="Example: pgvoice audit Ada")
@click.argument("subject", required=False)
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, metavar="N")
@options.url_option
@options.json_option
def audit(subject: str | None, limit: int, url: str | None, as_json: bool) -> None:
    """Show what was done with voiceprints, the newest first.

    Enrollments, kept labels, exports, erasures and the like, with who did it; of a person or a
    recording, or of all. Nobody can change or delete it, and it holds no vector.
    """
    from pgvoice.store.voice_store import VoiceStore

    with VoiceStore.open(url) as store:
        found = store.privacy.audit(subject, limit=limit)
    if as_json:
        output.write_json(found)
    elif found:
        columns = [output.Column(each) for each in ("at", "by", "action", "of", "details")]
        rows = (
            (
                f"{each.at:%Y-%m-%d %H:%M}",
                each.actor,
                each.action,
                each.subject,
                ", ".join(f"{name} {json.dumps(value)}" for name, value in each.details.items()),
            )
            for each in found
        )
        output.write_table(columns, rows)
    else:
        click.echo("nothing was done yet")
