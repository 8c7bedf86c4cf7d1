"""``pgvoice videos``."""

from __future__ import annotations

from pathlib import PurePath

import click

from pgvoice.cli import options, output
from pgvoice.cli.answers.answering import say_encoder
from pgvoice.store.voice_store import VoiceStore


@click.command(epilog="Example: pgvoice videos")
@options.stored_encoder_option
@options.wide_option
@options.store_options
def videos(store: VoiceStore, encoder: str | None, as_json: bool) -> None:
    """List the recordings in the store.

    Shows the file that the audio was read from, how many turns the recording has and how many
    different labels, how many of its segments have a vector and a stored label, and when that
    changed last.
    """
    said = output.number("turns", 4), output.number("labels", 3)
    numbers = output.number("length"), *said, *output.numbers("filled", "labelled")
    output.write_list(
        store.recordings.videos(encoder=encoder),
        as_json,
        ["video", output.optional("source", 1), *numbers, output.word("changed", 2)],
        lambda each: (
            each.video,
            each.source and PurePath(each.source).name,
            None if each.seconds is None else output.clock(each.seconds),
            each.turns,
            each.labels,
            each.filled,
            each.labelled,
            output.day(each.changed_at),
        ),
        "no recording yet: see `pgvoice fill --help`",
    )
    say_encoder(store, encoder, as_json=as_json)
