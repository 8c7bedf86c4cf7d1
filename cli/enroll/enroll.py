"""``pgvoice enroll``: the people whose voices are known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from pgvoice.cli import options, output
from pgvoice.cli.enroll.enroll_check import check, restore, show
from pgvoice.cli.enroll.enroll_files import export, import_files
from pgvoice.cli.group import Group

if TYPE_CHECKING:
    from datetime import datetime

    from pgvoice.hooks.enroll.enroll import Recording
    from pgvoice.store.people.enrollments import Enrollment
    from pgvoice.store.people.speakers import SpeakerSummary
    from pgvoice.store.privacy.consents import Consent
    from pgvoice.store.voice_store import VoiceStore

Span = tuple[float, float]


@click.group(cls=Group)
def enroll() -> None:
    """Give voices their names.

    A person is known by exemplars, spans of clear speech; their mean is the profile that
    identification compares with. A voiceprint is biometric data: enroll people who agreed.
    """


@enroll.command(
    epilog="""\b
Examples: pgvoice enroll add Ada --audio ada.wav --consent "form 7"
          pgvoice enroll add Ada --audio talk.mp3 --span 0:12.5-0:15
          pgvoice enroll add Ada --video talk --span 12.5-15"""
)
@click.argument("name")
@click.option(
    "--audio",
    "audio",
    type=click.Path(),
    multiple=True,
    metavar="FILE",
    help="Recording of this person alone; or, with --video, the file of that recording.",
)
@click.option("--video", metavar="KEY", help="Recording in the store to take --span from.")
@click.option(
    "--span",
    "spans",
    multiple=True,
    callback=options.parsed_spans,
    metavar="START-END",
    help="When the person speaks: 12.5-15 or 1:02-1:05.5.",
)
@options.consent_options
@options.min_speech_option
@options.force_option
@options.encoder_option
@options.device_option
@options.url_option
@options.json_option
def add(
    name: str,
    audio: tuple[str, ...],
    video: str | None,
    spans: tuple[Span, ...],
    evidence: str | None,
    purpose: str,
    until: datetime | None,
    min_speech: float,
    force: bool,
    encoder: str | None,
    device: str | None,
    url: str | None,
    as_json: bool,
) -> None:
    """Enroll a person, or add exemplars to one.

    From audio files or spans of one, an exemplar from each window of 3 s that holds speech, every
    1.5 s; or from spans of a recording in the store, an exemplar each. Spans that are not stored
    yet need its --audio. Exemplars that do not sound like one person are refused, and so is who
    sounds like somebody else, or is given somebody else's audio.
    """
    from pgvoice.store.privacy.consents import Consent
    from pgvoice.store.voice_store import VoiceStore

    _check_usage(audio, video, spans)
    consent = Consent(name, purpose, evidence, expires_at=until) if evidence else None
    with VoiceStore.open(url) as store:
        if video is None:
            recordings = _recordings(audio, spans)
            added = _from_files(
                store, name, recordings, min_speech, encoder, device, consent, force
            )
        elif audio:
            added = _from_video(
                store, name, video, audio[0], spans, encoder, device, consent, force
            )
        else:
            added = store.people.enroll_segments(
                name, video, spans, encoder, consent=consent, force=force
            )
    if as_json:
        output.write_json(added)
    else:
        click.echo(output.enrolled(added))


@enroll.command("list", epilog="Example: pgvoice enroll list")
@options.url_option
@options.json_option
def list_people(url: str | None, as_json: bool) -> None:
    """List everybody who is enrolled.

    Cohesion is the mean similarity of a person's exemplars to the profile that they make;
    `pgvoice enroll check` tells how well they fit each other.
    """
    from pgvoice.store.voice_store import VoiceStore

    with VoiceStore.open(url) as store:
        people = store.people.speakers()
    if as_json:
        output.write_json(people)
    elif people:
        _write_people(people)
    else:
        click.echo("nobody is enrolled yet: see `pgvoice enroll add --help`")


for command in (show, check, restore, import_files, export):
    enroll.add_command(command)


@enroll.command(epilog="Example: pgvoice enroll rename SPEAKER_00 Ada")
@click.argument("name")
@click.argument("new")
@options.url_option
def rename(name: str, new: str, url: str | None) -> None:
    """Call a person NEW from now on."""
    from pgvoice.store.voice_store import VoiceStore

    with VoiceStore.open(url) as store:
        store.people.rename(name, new)
    click.echo(output.printable(f"{name} is now {new}"))


@enroll.command(epilog="Example: pgvoice enroll merge 'Ada L.' Ada --dry-run")
@click.argument("name")
@click.argument("into")
@click.option("--force", is_flag=True, help="Merge all the same what sounds like two people.")
@options.dry_run_option
@options.url_option
def merge(name: str, into: str, force: bool, dry_run: bool, url: str | None) -> None:
    """Make two entries of one person one, called INTO.

    Refused where their exemplars do not sound like one person.
    """
    from pgvoice.store.voice_store import VoiceStore

    with VoiceStore.open(url) as store:
        moving, there = len(store.people.exemplars(name)), len(store.people.exemplars(into))
        store.people.merge(name, into, force=force, dry_run=dry_run)
    verb = "would be merged" if dry_run else "merged"
    exemplars = output.counted(moving, "exemplar")
    click.echo(output.printable(f"{name} ({exemplars}) {verb} into {into} ({there:,})"))


@enroll.command(epilog="Example: pgvoice enroll remove Ada --dry-run")
@click.argument("name")
@options.dry_run_option
@options.yes_option
@options.url_option
def remove(name: str, dry_run: bool, yes: bool, url: str | None) -> None:
    """Delete a person.

    Exemplars and profile go; the recordings keep their segments, and labels their reasons. What
    else there is of somebody, `pgvoice erase speaker` finds.
    """
    from pgvoice.store.voice_store import VoiceStore

    shown = output.printable(name)
    with VoiceStore.open(url) as store:
        count = len(store.people.exemplars(name))
        if not dry_run:
            options.confirm(f"Delete {shown} and {output.counted(count, 'exemplar')}?", yes)
            count = store.people.remove(name)
    verb = "would be deleted" if dry_run else "deleted"
    click.echo(f"{shown} and {output.counted(count, 'exemplar')} {verb}")


def _check_usage(audio: Sequence[str], video: str | None, spans: Sequence[Span]) -> None:
    if video is None and not audio:
        raise click.UsageError("Say where the voice is: --audio FILE, or --video KEY --span.")
    if video is not None and not spans:
        raise click.UsageError("--video needs --span: when does the person speak in it?")
    if len(audio) > 1 and (spans or video is not None):
        raise click.UsageError("--span and --video go with one --audio only.")


def _from_files(
    store: VoiceStore,
    name: str,
    recordings: Sequence[Recording],
    min_speech: float,
    encoder: str | None,
    device: str | None,
    consent: Consent | None,
    force: bool,
) -> Enrollment:
    from pgvoice.hooks.encoders.registry import make_encoder
    from pgvoice.hooks.enroll.enroll import enroll_recordings

    made = make_encoder(encoder, device=device)
    with output.progress_bar("enrolling") as progress:
        return enroll_recordings(
            store,
            made,
            name,
            recordings,
            min_speech=min_speech,
            consent=consent,
            force=force,
            progress=progress,
        )


def _recordings(audio: Sequence[str], spans: Sequence[Span]) -> list[Recording]:
    from pathlib import Path

    from pgvoice.hooks.enroll.enroll import Recording

    return [Recording(Path(file), span) for file in audio for span in spans or (None,)]


def _from_video(
    store: VoiceStore,
    name: str,
    video: str,
    audio: str,
    spans: Sequence[Span],
    encoder: str | None,
    device: str | None,
    consent: Consent | None,
    force: bool,
) -> Enrollment:
    from pgvoice.hooks.encoders.registry import make_encoder
    from pgvoice.hooks.enroll.enroll import enroll_video

    made = make_encoder(encoder, device=device)
    with output.progress_bar("filling") as progress:
        return enroll_video(
            store,
            made,
            name,
            video,
            spans,
            audio=audio,
            consent=consent,
            force=force,
            progress=progress,
        )


def _write_people(people: Sequence[SpeakerSummary]) -> None:
    columns = [output.Column("speaker"), output.Column("encoder"), output.number("exemplars")]
    columns += [output.number("speech"), output.number("cohesion"), output.Column("enrolled")]
    labels = output.short_labels(person.encoder for person in people if person.encoder)
    rows = (
        (
            person.speaker,
            labels[person.encoder] if person.encoder else output.NOTHING,
            f"{person.exemplars:,}",
            output.clock(person.seconds),
            output.similarity(person.cohesion),
            f"{person.enrolled_at:%Y-%m-%d}",
        )
        for person in people
    )
    output.write_table(columns, rows)
