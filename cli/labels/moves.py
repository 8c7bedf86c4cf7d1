"""How commands show which labels change."""

from __future__ import annotations

from collections.abc import Sequence

import click

from pgvoice.cli import output
from pgvoice.store.labels.runs import LabelMove

#: How many recordings of a change the table names.
NAMED_VIDEOS = 3


def write_moves(moves: Sequence[LabelMove]) -> None:
    """Print a table of how labels change, and an empty line; nothing if none does."""
    if not moves:
        return
    numbers = output.numbers("segments", "speech")
    output.write_table(
        [output.person("from"), output.person("to"), *numbers, output.explanation("in")],
        (
            (
                _person(move.from_speaker, move.from_reason),
                _person(move.to_speaker, move.to_reason),
                move.segments,
                output.clock(move.seconds),
                _videos(move),
            )
            for move in moves
        ),
    )
    click.echo()


def _person(speaker: str | None, reason: str | None) -> str:
    if reason is None:
        return "(not labelled)"
    return speaker or f"({reason})"


def _videos(move: LabelMove) -> str:
    named = move.videos[:NAMED_VIDEOS]
    more = move.video_count - len(named)
    return ", ".join(named) + (f" and {more:,} more" if more else "")
