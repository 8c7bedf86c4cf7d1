"""``pgvoice ingest status``, ``failed`` and ``metrics``: how far ingests are."""

from __future__ import annotations

import json
from pathlib import Path

import click

from pgvoice.cli import options, output
from pgvoice.cli.ingest import progress
from pgvoice.hooks.ingest.metrics import exposition
from pgvoice.hooks.new_files import write_file
from pgvoice.store.voice_store import VoiceStore


@click.command(epilog="Example: pgvoice ingest status --watch")
@click.argument("name", required=False)
@click.option("--watch", is_flag=True, help="Keep showing the progress until nothing is left.")
@options.wide_option
@options.store_options
def status(store: VoiceStore, name: str | None, watch: bool, as_json: bool) -> None:
    """Show the progress of all ingests, or of one."""
    if watch:
        progress.watch(lambda: store.ingests.status(name))
    found = store.ingests.status(name)
    if as_json:
        output.write_json(found)
    elif found:
        progress.write_status(found)
    else:
        click.echo("no ingest yet: see `pgvoice ingest --help`")


@click.command(epilog="Example: pgvoice ingest metrics > /var/lib/node_exporter/pgvoice.prom")
@click.argument("name", required=False)
@options.open_store
def metrics(store: VoiceStore, name: str | None) -> None:
    """Print the progress of all ingests, or of one, for Prometheus."""
    click.echo(exposition(store.ingests.status(name)), nl=False)


@click.command(epilog="Example: pgvoice ingest failed library --output again.jsonl")
@click.argument("name", required=False)
@click.option(
    "--output",
    "manifest",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Also write them to a manifest (JSON lines) that can be ingested again.",
)
@options.wide_option
@options.store_options
def failed(store: VoiceStore, name: str | None, manifest: Path | None, as_json: bool) -> None:
    """List recordings that failed or have invalid segments.

    A recording whose other segments are filled is named too, as long as some of its segments are
    not spans of time.
    """
    found = store.ingests.failed(name)
    if manifest is not None:
        lines = "".join(f"{json.dumps(dict(each.document))}\n" for each in found)
        write_file(manifest, lines.encode(), overwrite=True)
    output.write_list(
        found,
        as_json,
        [
            "recording",
            output.word("state"),
            output.number("attempts", 1),
            output.explanation("problem", "red"),
        ],
        lambda each: (
            each.video,
            "filled" if each.filled else "failed",
            each.attempts,
            each.error,
        ),
        "no recording failed",
    )
