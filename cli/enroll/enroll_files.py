"""``pgvoice enroll import`` and ``export``: profiles as files."""

from __future__ import annotations

from pathlib import Path

import click

from pgvoice.cli import options, output
from pgvoice.cli.answers.resolved import write_resolved
from pgvoice.hooks.encoders.registry import make_encoder
from pgvoice.hooks.profiles.exported import export_profiles
from pgvoice.hooks.profiles.importing import Imported, import_profiles
from pgvoice.store.people.enrollments import Enrollment
from pgvoice.store.voice_store import VoiceStore


@click.command(
    "import",
    epilog="""\b
Examples: pgvoice enroll import people.json
          pgvoice enroll import ada.json --encoder ecapa
          pgvoice enroll import sources.json --name Ada""",
)
@click.argument("files", nargs=-1, required=True, type=click.Path(), metavar="FILE...")
@click.option("--name", metavar="NAME", help="Name of the person, for a file of one person.")
@options.min_speech_option
@options.force_option
@options.model_options
@options.url_options
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
    """Enroll people from files.

    A FILE is one of these: an export of pgvoice, made with the encoder that is used here; a
    profile {name, centroid, embeddings}, whose encoder you name with --encoder; or a list of
    sources, {"sources": [{"url"}]} or {"key": {"name", "urls"}}, to enroll from audio.

    Profiles that look fabricated are refused. Thresholds in files are shown but not applied.
    Importing a file again adds nothing.
    """
    made = make_encoder(encoder, device=device) if encoder else None
    imported: list[Imported] = []
    with VoiceStore.open(url) as store, output.progress("enrolling") as progress:
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
        return
    for added, notes in imported:
        write_enrollment(added)
        for note in notes:
            click.echo(f"  {output.printable(note)}")


@click.command(
    epilog="""\b
Examples: pgvoice enroll export Ada ada.json
          pgvoice enroll export --all people.json"""
)
@click.argument("names_and_file", nargs=-1, required=True, metavar="[NAME]... FILE")
@click.option("--all", "everybody", is_flag=True, help="Export everybody.")
@options.url_option
def export(names_and_file: tuple[str, ...], everybody: bool, url: str | None) -> None:
    """Write people's profiles to a new FILE for another store.

    The file contains voiceprints, which are biometric data: only its owner can read it (mode 0600).
    Exporting requires the admin role and is recorded in the audit trail. `pgvoice vectors export`
    writes the vectors of recordings.
    """
    *names, file = names_and_file
    if bool(names) == everybody:
        raise click.UsageError("Choose whom to export: names before the FILE, or --all.")
    with VoiceStore.open(url) as store:
        try:
            exported = export_profiles(store, Path(file), names or None)
        except OSError as error:
            raise click.ClickException(
                f"cannot create {file} ({error.strerror}): choose another name"
            ) from error
    count = sum(len(exemplars) for one in exported for exemplars in one.profiles.values())
    people = "1 person" if len(exported) == 1 else f"{len(exported):,} people"
    click.echo(f"{people} with {output.counted(count, 'exemplar')} written to {file}")


def write_enrollment(added: Enrollment) -> None:
    """Print the result of an enrollment."""
    write_resolved(added.chosen)
    for each in added.left_out:
        click.echo(output.printable(str(each)))
    known = f", {added.known:,} already enrolled" if added.known else ""
    click.echo(
        f"{output.printable(added.speaker)}: {output.counted(added.added, 'exemplar')} added"
        f"{known}; {added.exemplars:,} in total, cohesion {output.similarity(added.cohesion)}"
    )
