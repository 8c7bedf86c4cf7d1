"""``pgvoice voices clip`` and ``play``: what an unknown voice sounds like."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import click

from pgvoice.cli import options, output
from pgvoice.cli.voices.telling import number_argument, voice
from pgvoice.hooks.listening.clips import HeardClip, heard_clips, save_clip
from pgvoice.hooks.listening.players import find_player
from pgvoice.store.voice_store import VoiceStore

_video_option = click.option("--video", metavar="KEY", help="From this recording only.")
_audio_option = click.option(
    "--audio",
    type=options.ExistingPath(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The recording's file, if it is no longer where it was filled from.",
)


@click.command(
    epilog="""\b
Examples: pgvoice voices clip 12 -o clip.wav
          pgvoice voices clip 12 -o clip.wav --video talk"""
)
@number_argument
@click.option(
    "--output",
    "-o",
    "destination",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    metavar="FILE",
    help="A new WAV file.",
)
@click.option("--overwrite", is_flag=True, help="Replace FILE if it exists.")
@_video_option
@_audio_option
@options.store_options
def clip(
    store: VoiceStore,
    number: int,
    destination: Path,
    overwrite: bool,
    video: str | None,
    audio: Path | None,
    as_json: bool,
) -> None:
    """Save the best clip of an unknown voice.

    That is clear speech of 3 to 8 s, if there is so much, that is typical of the voice, cut from
    the file that the recording was filled from. Silent clips are skipped.
    """
    heard = next(_heard(store, number, video, audio))
    save_clip(heard, destination, overwrite=overwrite)
    if as_json:
        output.write_json({"voice": number, "clip": heard.clip, "file": destination})
    else:
        click.echo(f"{output.printable(str(destination))}: {_where(heard)}")


@click.command(
    epilog="""\b
Examples: pgvoice voices play 12
          pgvoice voices play 12 --all"""
)
@number_argument
@click.option("--all", "everything", is_flag=True, help="A clip of each recording, one by one.")
@_video_option
@_audio_option
@options.open_store
def play(
    store: VoiceStore, number: int, everything: bool, video: str | None, audio: Path | None
) -> None:
    """Play an unknown voice.

    Plays the clip that `pgvoice voices clip` saves, with ffplay, mpv, sox, or what else is
    installed; PGVOICE_PLAYER names another command, which gets the file as its last argument.
    """
    player = find_player()
    for heard in islice(_heard(store, number, video, audio), None if everything else 1):
        click.echo(f"{voice(number)}: {_where(heard)}")
        player.play(heard)


def _heard(
    store: VoiceStore, number: int, video: str | None, audio: Path | None
) -> Iterator[HeardClip]:
    found = store.voices.clips(number)
    chosen = [each for each in found if video in (None, each.video)]
    if found and not chosen:
        raise click.ClickException(
            f"{voice(number)} is not heard in {video!r}: `pgvoice voices show {number}` says where"
        )
    return heard_clips(store, chosen, audio)


def _where(heard: HeardClip) -> str:
    start, end = output.clock(heard.clip.start), output.clock(heard.clip.end)
    return output.printable(f"{heard.clip.video}, {start} to {end}")
