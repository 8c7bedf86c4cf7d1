"""``pgvoice labels export``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import click

from pgvoice.cli import options, output
from pgvoice.hooks.errors import NotLabelled
from pgvoice.hooks.formats.reading import named_format
from pgvoice.hooks.formats.writing import save_labels, write_labels
from pgvoice.hooks.labels_export import stored_labels
from pgvoice.hooks.results import Labelled
from pgvoice.store.voice_store import VoiceStore

#: What a file name may contain besides letters, digits and ``_.-~``.
_PLAIN = " ()[],+@="


@click.command(
    epilog="""\b
Examples: pgvoice labels export talk --format vtt
          pgvoice labels export talk --output talk.named.srt
          pgvoice labels export --all --format rttm --output named/"""
)
@click.argument("video", required=False)
@click.option("--all", "everything", is_flag=True, help="Every recording that has labels.")
@click.option(
    "--format",
    "format_name",
    metavar="NAME",
    help="rttm, vtt, srt, json, whisperx or another [that of the file's suffix, or json].",
)
@click.option(
    "--output",
    "destination",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="A new file; with --all a folder, for a file per recording [standard output].",
)
@click.option("--overwrite", is_flag=True, help="Replace files that exist.")
@options.stored_encoder_option
@options.open_store
def export(
    store: VoiceStore,
    video: str | None,
    everything: bool,
    format_name: str | None,
    destination: Path | None,
    overwrite: bool,
    encoder: str | None,
) -> None:
    """Write the stored labels in any format.

    Each stored turn gets the name of its current label; a turn without a name keeps the diarizer's
    label. Times, text and order are those of the turns. With --all, RTTM can go to standard output.
    """
    if (video is not None) == everything:
        raise click.UsageError("Give a VIDEO, or --all.")
    if video is not None:
        _write(
            stored_labels(store, video, encoder=encoder), video, format_name, destination, overwrite
        )
        return
    chosen = format_name or "json"
    if destination is None and chosen != "rttm":
        raise click.UsageError(f"--all --format {chosen} needs --output: a folder for the files.")
    written = left_out = 0
    for each in store.recordings.videos():
        try:
            found = stored_labels(store, each.video, encoder=encoder)
        except NotLabelled:
            left_out += 1
            continue
        path = None if destination is None else destination / _file_name(each.video, chosen)
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        _write(found, each.video, chosen, path, overwrite)
        written += 1
    if destination is not None:
        click.echo(
            f"{output.counted(written, 'recording')} in {output.printable(str(destination))}"
        )
    if left_out:
        click.echo(f"{output.counted(left_out, 'recording')} without labels left out", err=True)


def _write(
    found: Sequence[Labelled],
    video: str,
    format_name: str | None,
    path: Path | None,
    overwrite: bool,
) -> None:
    if path is None:
        output.write_document(write_labels(found, format_name, uri=video))
    else:
        save_labels(found, path, format_name, uri=video, overwrite=overwrite)


def _file_name(video: str, format_name: str) -> str:
    """The recording's key, with what file names cannot contain written as ``%`` and two digits."""
    name = quote(video, safe=_PLAIN)
    suffix = named_format(format_name).suffixes[0]
    return f"%2E{name[1:]}{suffix}" if name.startswith(".") else f"{name}{suffix}"
