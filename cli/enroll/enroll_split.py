"""``pgvoice enroll split``: exemplars of one person that are somebody else's."""

from __future__ import annotations

from datetime import datetime

import click

from pgvoice.cli import options, output
from pgvoice.store.people.splitting import Split
from pgvoice.store.privacy.consents import Consent
from pgvoice.store.voice_store import VoiceStore


@click.command(
    epilog="""\b
Examples: pgvoice enroll split Ada --into Bob --video talk --dry-run
          pgvoice enroll split Ada --into Bob --exemplar 3 --exemplar 4
          pgvoice enroll split Ada --into Bob --suggest"""
)
@click.argument("name")
@click.option("--into", required=True, metavar="NAME", help="Who gets them; may be new.")
@click.option(
    "--video",
    "videos",
    multiple=True,
    metavar="KEY",
    help="Move the exemplars from this recording or file.",
)
@click.option(
    "--exemplar",
    "exemplars",
    multiple=True,
    type=options.Count(1),
    metavar="N",
    help="Move this exemplar, see `pgvoice enroll show`.",
)
@click.option(
    "--suggest",
    is_flag=True,
    help="Move the group of exemplars that differs most from the others by its vectors.",
)
@options.stored_encoder_option
@options.consent_options
@click.option(
    "--force", is_flag=True, help="Split even if the other then sounds like several people."
)
@options.dry_run("moved")
@options.store_options
def split(
    store: VoiceStore,
    name: str,
    into: str,
    videos: tuple[str, ...],
    exemplars: tuple[int, ...],
    suggest: bool,
    encoder: str | None,
    evidence: str | None,
    purpose: str,
    until: datetime | None,
    force: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Give some of a person's exemplars to somebody else.

    For a person who turns out to be two. Choose the exemplars by recording, by number, or by what
    the vectors suggest. Where labels name the person, they are judged again; pins stay. What
    somebody agreed to does not pass to another name, so give --consent.
    """
    if not (videos or exemplars or suggest):
        raise click.UsageError("Choose the exemplars: --video KEY, --exemplar N, or --suggest.")
    done = store.people.split(
        name,
        into,
        videos=videos,
        exemplars=exemplars,
        suggest=suggest,
        encoder=encoder,
        consent=Consent(into, purpose, evidence, expires_at=until) if evidence else None,
        force=force,
        dry_run=dry_run,
    )
    output.write(done, as_json, lambda done: _tell(done, dry_run))


def _tell(done: Split, dry_run: bool) -> None:
    output.write_table(
        [*output.numbers("exemplar", "start", "end"), "source", output.optional("encoder", 1)],
        (
            (
                str(each.number),
                output.clock(each.start),
                output.clock(each.end),
                each.source,
                each.encoder,
            )
            for each in done.moved
        ),
    )
    moved = f"{output.counted(len(done.moved), 'exemplar')} {output.done('moved', dry_run)}"
    click.echo(output.printable(f"{moved} from {done.speaker} ({done.left:,} left) to {done.into}"))
    click.echo(f"{output.counted(done.labels, 'label')} {output.done('changed', dry_run)}")
