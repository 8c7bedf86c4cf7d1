"""``pgvoice enroll``: people whose voices are known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import click

from pgvoice.cli import options, output
from pgvoice.cli.answers.answering import say_encoder
from pgvoice.cli.enroll.enroll_check import NOBODY, check, restore, show
from pgvoice.cli.enroll.enroll_files import export, import_files, write_enrollment
from pgvoice.cli.enroll.enroll_split import split
from pgvoice.cli.group import Group
from pgvoice.hooks.encoders.registry import make_encoder
from pgvoice.hooks.enroll.enroll import Recording, enroll_recordings, enroll_video
from pgvoice.hooks.fill.answering import warn_unless_default
from pgvoice.store.privacy.consents import Consent
from pgvoice.store.voice_store import VoiceStore


@click.group(cls=Group)
def enroll() -> None:
    """Enroll people so that pgvoice can name their voices.

    A person is known by exemplars, spans of clear speech; the mean of their vectors is the profile
    that identification compares with. A voiceprint is biometric data: enroll people who agreed.
    """


@enroll.command(
    epilog="""\b
Examples: pgvoice enroll add Ada --audio ada.wav --consent "form 7"
          pgvoice enroll add Ada --audio talk.mp3 --span 0:12.5-0:15
          pgvoice enroll add Ada --video talk --span 12.5-15
          pgvoice enroll add Ada --video talk --label SPEAKER_00"""
)
@click.argument("name")
@click.option(
    "--audio",
    type=click.Path(),
    multiple=True,
    metavar="FILE",
    help="Recording of this person alone; with --video, the file of that recording.",
)
@click.option(
    "--video", metavar="KEY", help="Recording in the store to take --span or --label from."
)
@click.option(
    "--span",
    "spans",
    multiple=True,
    type=options.span,
    metavar="START-END",
    help="When the person speaks: 12.5-15 or 1:02-1:05.5.",
)
@options.turn_label_option
@options.consent_options
@options.min_speech_option
@options.force_option
@options.model_options
@options.url_options
def add(
    name: str,
    audio: tuple[str, ...],
    video: str | None,
    spans: tuple[options.Span, ...],
    labels: tuple[str, ...],
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

    Give audio files, or spans of one file: every window of 3 s that contains speech becomes an
    exemplar, with a new window every 1.5 s. Ends of a span of 3 s or more that do not sound like
    the rest of it are left out.

    Or give spans of a recording in the store: the stored segments that they mean become exemplars.
    A span means the segment with these times, to within 0.1 s; else all segments inside it; else
    the nearest one that starts and ends within 0.5 s of it. Give the --audio too to enroll a span
    that is not stored, or to leave out ends as above.

    Or give a diarizer's label: the longest of its stored turns become exemplars, up to 30 s.
    Those shorter than 1.5 s are used only if there are no others.

    pgvoice refuses less than 2 s of speech, speech that turns of other labels overlap, exemplars
    that do not sound like one person, a person who sounds like somebody else, and audio that
    somebody else is enrolled with.
    """
    _check_usage(audio, video, spans, labels)
    consent = Consent(name, purpose, evidence, expires_at=until) if evidence else None
    with VoiceStore.open(url) as store, output.progress("enrolling") as progress:
        if video is None:
            added = enroll_recordings(
                store,
                make_encoder(encoder, device=device),
                name,
                [Recording(Path(file), span) for file in audio for span in spans or (None,)],
                min_speech=min_speech,
                consent=consent,
                force=force,
                progress=progress,
            )
        elif audio:
            added = enroll_video(
                store,
                make_encoder(encoder, device=device),
                name,
                video,
                spans,
                audio=audio[0],
                min_speech=min_speech,
                consent=consent,
                force=force,
                progress=progress,
            )
        else:
            if encoder is not None:
                warn_unless_default(store, store.encoders.find(encoder).identity)
            added = store.people.enroll_segments(
                name,
                video,
                spans,
                encoder,
                labels=labels,
                min_speech=min_speech,
                consent=consent,
                force=force,
            )
    output.write(added, as_json, write_enrollment)


@enroll.command("list", epilog="Example: pgvoice enroll list")
@options.stored_encoder_option
@options.wide_option
@options.store_options
def list_people(store: VoiceStore, encoder: str | None, as_json: bool) -> None:
    """List the people who are enrolled.

    Cohesion is the mean similarity of a person's exemplars to the profile that they form;
    `pgvoice enroll check` shows how well they fit each other.
    """
    people = store.people.speakers(encoder=encoder)
    labels = output.short_labels(person.encoder for person in people if person.encoder)
    shown = output.encoder("encoder", labels)
    numbers = output.numbers("exemplars", "speech", "cohesion")
    output.write_list(
        people,
        as_json,
        [output.person("speaker"), shown, *numbers, output.optional("enrolled", 2)],
        lambda person: (
            person.speaker,
            labels[person.encoder] if person.encoder else None,
            person.exemplars,
            output.clock(person.seconds),
            person.cohesion,
            output.day(person.enrolled_at),
        ),
        NOBODY,
    )
    say_encoder(store, encoder, as_json=as_json)


for command in (show, check, restore, import_files, export):
    enroll.add_command(command)


@enroll.command(epilog="Example: pgvoice enroll rename SPEAKER_00 Ada")
@click.argument("name")
@click.argument("new")
@options.open_store
def rename(store: VoiceStore, name: str, new: str) -> None:
    """Change a person's name to NEW."""
    store.people.rename(name, new)
    click.echo(output.printable(f"{name} is now {new}"))


@enroll.command(epilog="Example: pgvoice enroll merge 'Ada L.' Ada --dry-run")
@click.argument("name")
@click.argument("into")
@click.option("--force", is_flag=True, help="Merge even if they sound like two people.")
@options.dry_run("merged")
@options.open_store
def merge(store: VoiceStore, name: str, into: str, force: bool, dry_run: bool) -> None:
    """Merge two entries of one person under the name INTO.

    pgvoice refuses if their exemplars do not sound like one person.
    """
    moving, there = len(store.people.exemplars(name)), len(store.people.exemplars(into))
    store.people.merge(name, into, force=force, dry_run=dry_run)
    merged = f"{output.counted(moving, 'exemplar')}) {output.done('merged', dry_run)}"
    click.echo(output.printable(f"{name} ({merged} into {into} ({there:,})"))


enroll.add_command(split)


@enroll.command(epilog="Example: pgvoice enroll drop Ada 12 --dry-run")
@click.argument("name")
@click.argument("number", type=options.Count(1), metavar="N")
@options.dry_run_option
@options.yes_option
@options.open_store
def drop(store: VoiceStore, name: str, number: int, dry_run: bool, yes: bool) -> None:
    """Delete one exemplar of a person.

    `pgvoice enroll show` shows its N. The profile is computed from the others. The last exemplar
    of a profile stays: `pgvoice enroll remove` deletes the person.
    """
    found = store.people.drop(name, number, dry_run=True)
    where = found.source
    if found.end:
        where += f", {output.clock(found.start)} to {output.clock(found.end)}"
    exemplar = output.printable(f"exemplar {number} of {name} ({where})")
    if not dry_run:
        options.confirm(f"Delete {exemplar}?", yes)
        store.people.drop(name, number)
    click.echo(f"{exemplar} {output.done('deleted', dry_run)}; {found.left:,} left in the profile")


@enroll.command(epilog="Example: pgvoice enroll remove Ada --dry-run")
@click.argument("name")
@options.dry_run_option
@options.yes_option
@options.open_store
def remove(store: VoiceStore, name: str, dry_run: bool, yes: bool) -> None:
    """Delete a person.

    Deletes the exemplars and the profile. Recordings keep their segments, and labels keep their
    reasons. To delete everything about a person, use `pgvoice erase speaker`.
    """
    shown = output.printable(name)
    count = len(store.people.exemplars(name))
    if not dry_run:
        options.confirm(f"Delete {shown} and {output.counted(count, 'exemplar')}?", yes)
        count = store.people.remove(name)
    exemplars = output.counted(count, "exemplar")
    click.echo(f"{shown} and {exemplars} {output.done('deleted', dry_run)}")


def _check_usage(
    audio: Sequence[str],
    video: str | None,
    spans: Sequence[options.Span],
    labels: Sequence[str],
) -> None:
    if labels and (video is None or audio):
        raise click.UsageError("--label needs --video, whose stored turns have it, and no --audio.")
    if video is None and not audio:
        raise click.UsageError(
            "Choose the audio: --audio FILE, or --video KEY --span START-END (or --label LABEL)."
        )
    if video is not None and not (spans or labels):
        raise click.UsageError("--video needs --span or --label: when does the person speak?")
    if len(audio) > 1 and (spans or video is not None):
        raise click.UsageError("With --span or --video, give only one --audio.")
