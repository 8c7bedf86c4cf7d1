"""``pgvoice vectors``: the group, and `export`."""

from __future__ import annotations

from pathlib import Path

import click

from pgvoice.cli import options, output
from pgvoice.cli.group import Group
from pgvoice.cli.vectors.importing import import_
from pgvoice.hooks.vectors.exporting import WRITERS, export_vectors
from pgvoice.store.voice_store import VoiceStore


@click.group(cls=Group)
def vectors() -> None:
    """Import vectors of other engines, and export stored ones.

    Imported vectors have an encoder of their own. They are never compared with those of a model,
    and no fill adds to them.
    """


vectors.add_command(import_)


@vectors.command(
    epilog="""\b
Examples: pgvoice vectors export library.parquet
          pgvoice vectors export talk.npz --video talk --encoder campplus"""
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--video", "videos", multiple=True, metavar="KEY", help="Only this recording; repeatable [all]."
)
@options.stored_encoder_option
@click.option(
    "--format",
    "file_format",
    type=click.Choice(sorted(WRITERS)),
    help="Kind of file [that of its suffix].",
)
@options.store_options
def export(
    store: VoiceStore,
    file: Path,
    videos: tuple[str, ...],
    encoder: str | None,
    file_format: str | None,
    as_json: bool,
) -> None:
    """Write the vectors of segments to a new FILE.

    They are voiceprints, which are biometric data: only the file's owner can read it (mode 0600).
    Exporting requires the admin role. The audit trail records each recording and the file, and
    `pgvoice erase` names the file when somebody in it is erased.

    Parquet has the columns video, start, end, speaker, encoder and embedding; npz has an array for
    each, and jsonl an object per line. `pgvoice vectors import` reads all three.
    """
    done = export_vectors(store, file, videos or None, encoder=encoder, file_format=file_format)
    if as_json:
        output.write_json(done)
        return
    vectors = output.counted(done.vectors, "vector")
    recordings = output.counted(done.recordings, "recording")
    of_encoder = f" of {done.encoder}" if done.encoder else ""
    click.echo(output.printable(f"{vectors}{of_encoder} in {recordings} written to {done.path}"))
