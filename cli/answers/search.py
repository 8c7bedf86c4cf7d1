"""``pgvoice search``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import click

from pgvoice.cli import options, output
from pgvoice.cli.answers.in_seconds import in_seconds
from pgvoice.cli.thresholds import rule
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
@options.threshold_option
@options.margin_option
@options.stored_encoder_option
@options.url_option
@options.json_option
def search(
    name: str,
    limit: int | None,
    order: Order,
    threshold: float | None,
    margin: float | None,
    encoder: str | None,
    url: str | None,
    as_json: bool,
) -> None:
    """Find where somebody speaks, in all recordings.

    NAME is an enrolled speaker. The segments are those that `pgvoice identify` assigns to them.
    """
    with VoiceStore.open(url) as store:
        found = store.answers.appearances(
            name,
            encoder=encoder,
            threshold=threshold,
            min_margin=margin,
            limit=limit,
            order=order,
        )
        required = store.thresholds.required(
            encoder=encoder, threshold=threshold, min_margin=margin
        )
    if as_json:
        segments = [in_seconds(appearance) for appearance in found]
        output.write_json({"speaker": name} | asdict(required) | {"segments": segments})
        return
    if found:
        _write_table(found)
    click.echo(f"\n{output.counted(len(found), 'segment')} of {output.printable(name)}")
    rule.write(required)


def _write_table(found: Sequence[Appearance]) -> None:
    columns = [output.Column("video"), output.number("start"), output.number("end")]
    columns += [output.number("similarity"), output.Column("runner-up"), output.number("margin")]
    rows = (
        (
            appearance.video,
            output.clock(appearance.start),
            output.clock(appearance.end),
            output.similarity(appearance.similarity),
            output.named(appearance.runner_up, appearance.runner_up_similarity),
            output.similarity(appearance.margin),
        )
        for appearance in found
    )
    output.write_table(columns, rows)
