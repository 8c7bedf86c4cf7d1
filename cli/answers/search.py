"""``pgvoice search``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Unpack

import click

from pgvoice.cli import options, output
from pgvoice.cli.thresholds.rule import write_rule
from pgvoice.store.answers.appearances import Appearance, Order
from pgvoice.store.voice_store import VoiceStore


@click.command(epilog="Example: pgvoice search Ada --limit 20")
@click.argument("name")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Show only the first N [all].")
@click.option(
    "--order",
    type=click.Choice(["similarity", "time"]),
    default="similarity",
    show_default=True,
    help="Most similar first, or by recording and time.",
)
@options.rule_options
@options.store_options
def search(
    store: VoiceStore,
    name: str,
    limit: int | None,
    order: Order,
    as_json: bool,
    **rule: Unpack[options.Rule],
) -> None:
    """Find where somebody speaks, in all recordings.

    NAME is an enrolled speaker. The segments are those that `pgvoice identify` assigns to them.
    """
    found = store.answers.appearances(name, limit=limit, order=order, **rule)
    required = store.thresholds.required(**rule)
    if as_json:
        segments = [output.in_seconds(appearance) for appearance in found]
        output.write_json({"speaker": name} | asdict(required) | {"segments": segments})
        return
    if found:
        _write_table(found)
    click.echo(f"\n{output.counted(len(found), 'segment')} of {output.printable(name)}")
    write_rule(required)


def _write_table(found: Sequence[Appearance]) -> None:
    numbers = output.numbers("start", "end", "similarity")
    output.write_table(
        ["video", *numbers, "runner-up", output.number("margin")],
        (
            (
                each.video,
                output.clock(each.start),
                output.clock(each.end),
                each.similarity,
                output.named(each.runner_up, each.runner_up_similarity),
                each.margin,
            )
            for each in found
        ),
    )
