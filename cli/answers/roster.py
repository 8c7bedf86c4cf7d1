"""A roster: the only people who can be named, as options of several commands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

import click

from pgvoice.cli.options import Decorated
from pgvoice.store.voice_store import VoiceStore

speakers_option = click.option(
    "--speakers",
    multiple=True,
    metavar="NAME",
    help="Name only this person; can be repeated. The fewer can speak, the less similar they need"
    " to be.",
)
one_name_option = click.option(
    "--one-label-one-name",
    is_flag=True,
    help="Give each of the diarizer's labels at most one name, and each name to one label.",
)
speakers_from_option = click.option(
    "--speakers-from",
    "roster",
    type=click.File(encoding="utf-8-sig"),
    metavar="FILE",
    help="Name only the people in this file, one a line; whoever is not enrolled is left out.",
)


def roster_options(command: Decorated) -> Decorated:
    """Options that say who can be named; `speakers_from` reads both."""
    return speakers_option(speakers_from_option(command))


def speakers_from(
    store: VoiceStore, speakers: Sequence[str], roster: TextIO | None
) -> list[str] | None:
    """The only people who can be named; None for everybody. Warns of those whom it leaves out."""
    if roster is None:
        return sorted(set(speakers)) or None
    try:
        listed = {line.strip() for line in roster} - {""}
    except UnicodeDecodeError as error:
        raise click.UsageError(f"{roster.name} is not UTF-8: {error}") from None
    found = listed & {each.speaker for each in store.people.speakers()}
    if not found:
        raise click.UsageError(f"{roster.name} names nobody who is enrolled.")
    if listed - found:
        click.echo(f"Warning: not enrolled: {', '.join(sorted(listed - found))}", err=True)
    return sorted({*speakers, *found})
