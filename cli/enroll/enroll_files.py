"""``pgvoice enroll import`` and ``export``: profiles as files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from pgvoice.cli import options, output

if TYPE_CHECKING:
    from pgvoice.hooks.profiles.importing import Imported


@click.command(
    "import",
    epilog="""\b
Examples: pgvoice enroll import people.json
          pgvoice enroll import ada.json --encoder ecapa
          pgvoice enroll import sources.json --name Ada""",
)
@click.argument("files", nargs=-1, required=True, type=click.Path(), metavar="FILE...")
@click.option("--name", metavar="NAME", help="Whose voice it is, for a file of one person.")
@options.min_speech_option
@options.force_option
@options.encoder_option
@options.device_option
@options.url_option
@options.json_option
def import_files(
    files: tuple[str, ...],
    name: str | None,
    min_speech: float,
    force: bool,
    encoder: str | None,
    device: str | None,
    url: str | None,
    as_json: bool,
) -> None:
    """Enroll the people of a file.

    An export of pgvoice, whose encoder must be the one here; a profile {name, centroid,
    embeddings}, for which --encoder names what made it; or lists of sources {"sources": [{"url"}]}
    and {"key": {"name", "urls"}}, enrolled from audio. Profiles that look made up are refused, and
    thresholds in files are told, not applied. A second import adds nothing.
    """
    from pathlib import Path

    from pgvoice.hooks.encoders.registry import make_encoder
    from pgvoice.hooks.profiles.importing import import_profiles
    from pgvoice.store.voice_store import VoiceStore

    made = make_encoder(encoder, device=device) if encoder else None
    imported: list[Imported] = []
    with VoiceStore.open(url) as store, output.progress_bar("enrolling") as progress:
        for file in files:
            imported += import_profiles(
                store,
                Path(file),
                encoder=made,
                device=device,
                name=name,
                min_speech=min_speech,
                force=force,
                progress=progress,
            )
    if as_json:
        output.write_json([{"enrollment": one, "notes": notes} for one, notes in imported])
    else:
        _write_imported(imported)


@click.command(
    epilog="""\b
Examples: pgvoice enroll export Ada ada.json
          pgvoice enroll export --all people.json"""
)
@click.argument("names_and_file", nargs=-1, required=True, metavar="[NAME]... FILE")
@click.option("--all", "everybody", is_flag=True, help="Export everybody.")
@options.url_option
def export(names_and_file: tuple[str, ...], everybody: bool, url: str | None) -> None:
    """Write people's profiles to a new FILE, for another store.

    The file holds voiceprints, which leave the store nowhere else: biometric data, readable by its
    owner alone (mode 0600). Only an admin may do that, and it is kept in the audit trail.
    """
    from pathlib import Path

    from pgvoice.hooks.profiles.exported import export_profiles
    from pgvoice.store.voice_store import VoiceStore

    *names, file = names_and_file
    if bool(names) == everybody:
        raise click.UsageError("Say whom to export: names before the FILE, or --all.")
    with VoiceStore.open(url) as store:
        try:
            exported = export_profiles(store, Path(file), names or None)
        except OSError as error:
            raise click.ClickException(
                f"{file} cannot be created ({error.strerror}): choose a name that is free"
            ) from error
    count = sum(len(exemplars) for one in exported for exemplars in one.profiles.values())
    people = "1 person" if len(exported) == 1 else f"{len(exported):,} people"
    click.echo(f"{people} with {output.counted(count, 'exemplar')} written to {file}")


def _write_imported(imported: Sequence[Imported]) -> None:
    for added, notes in imported:
        click.echo(output.enrolled(added))
        for note in notes:
            click.echo(f"  {output.printable(note)}")
