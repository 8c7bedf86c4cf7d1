"""``pgvoice voices``: the people in a library whom nobody named yet."""

from __future__ import annotations

from collections.abc import Sequence

import click

from pgvoice.cli import options, output
from pgvoice.cli.answers.answering import say_encoder
from pgvoice.cli.voices import joining, linking, listening, naming, review
from pgvoice.cli.voices.group import ListingGroup
from pgvoice.cli.voices.telling import number_argument, voice
from pgvoice.store.voice_store import VoiceStore
from pgvoice.store.voices.unknown import UnknownVoice, VoiceAppearance


@click.group(cls=ListingGroup)
def voices() -> None:
    """Find the unknown voices of a library, and name each once.

    An unknown voice is one person without a name: the voices of several recordings that sound like
    one, linked under one number, which is never given to anybody else. `pgvoice voices` alone lists
    them. Linking is off until `pgvoice voices enable`.
    """


@voices.command(
    "list",
    epilog="""\b
Examples: pgvoice voices
          pgvoice voices list --limit 10
          pgvoice voices --dismissed""",
)
@click.option("--dismissed", is_flag=True, help="List those that were dismissed, and as what.")
@options.integer("--limit", 1, "Only this many.")
@options.stored_encoder_option
@options.wide_option
@options.store_options
def list_voices(
    store: VoiceStore, dismissed: bool, limit: int | None, encoder: str | None, as_json: bool
) -> None:
    """List the unknown voices, those that speak most first.

    "nearest" is the enrolled person who sounds most similar; with a question mark that is a
    suggestion, which `pgvoice voices accept` or `reject` answers.
    """
    if not store.voices.settings().enabled:
        click.echo(linking.OFF, err=as_json)
        if as_json:
            output.write_json([])
        return
    found = store.voices.unknown(dismissed=dismissed, encoder=encoder)
    if as_json:
        output.write_json(found[:limit])
    elif found:
        _write_voices(found, limit, dismissed)
        say_encoder(store, encoder, as_json=as_json)
    else:
        click.echo("no voice was dismissed" if dismissed else "no unknown voice")


def _write_voices(found: Sequence[UnknownVoice], limit: int | None, dismissed: bool) -> None:
    shown = found[:limit]
    last = [output.optional("dismissed as", 2)] if dismissed else []
    output.write_table(
        [
            *output.numbers("voice", "speech", "recordings"),
            output.word("last heard", 2),
            output.optional("in", 1),
            output.person("nearest"),
            *last,
        ],
        (
            (
                str(each.number),
                output.clock(each.seconds),
                each.recordings,
                output.day(each.heard_at),
                each.last_video,
                nearest(each),
                *([each.dismissed_as] if dismissed else []),
            )
            for each in shown
        ),
    )
    seconds = sum(each.seconds for each in found)
    more = "" if len(shown) == len(found) else f", {len(shown)} shown"
    click.echo(f"\n{output.counted(len(found), 'unknown voice')}{more}, {output.clock(seconds)}")


def nearest(found: UnknownVoice) -> str:
    """The enrolled person who sounds most similar; with a question mark if suggested."""
    if found.nearest is None:
        return output.NOTHING
    mark = "?" if found.suggested else ""
    return output.named(f"{found.nearest}{mark}", found.similarity)


@voices.command(epilog="Example: pgvoice voices show 12")
@number_argument
@options.stored_encoder_option
@options.wide_option
@options.store_options
def show(store: VoiceStore, number: int, encoder: str | None, as_json: bool) -> None:
    """Show where an unknown voice is heard.

    For each recording the diarizer's label, how much clear speech it has, when it speaks first, and
    the best clip to listen to. "similarity" is the mean similarity to all recordings of the voice.
    """
    found = store.voices.show(number, encoder=encoder)
    if as_json:
        output.write_json({"voice": number, "appearances": found})
        return
    _write_appearances(found)
    videos = len({each.video for each in found})
    click.echo(
        f"\n{voice(number)}: {output.counted(videos, 'recording')},"
        f" {output.clock(sum(each.seconds for each in found))}"
    )
    say_encoder(store, encoder, as_json=as_json)


def _write_appearances(found: Sequence[VoiceAppearance]) -> None:
    output.write_table(
        [
            "recording",
            output.optional("label", 3),
            output.number("segments", 1),
            *output.numbers("speech", "first"),
            output.number("clip"),
            output.number("similarity", 2),
        ],
        (
            (
                each.video,
                each.label,
                each.segments,
                output.clock(each.seconds),
                output.clock(each.first_start),
                output.NOTHING if each.clip is None else "{:g}-{:g}".format(*each.clip),
                each.similarity,
            )
            for each in found
        ),
    )


for command in (
    listening.clip,
    listening.play,
    naming.name,
    naming.dismiss,
    joining.same,
    joining.different,
    naming.suggestions,
    naming.accept,
    naming.reject,
    review.review,
    linking.enable,
    linking.disable,
):
    voices.add_command(command)
