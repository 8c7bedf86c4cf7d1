"""``pgvoice db verify``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pgvoice.cli import options, output
from pgvoice.cli.group import FAILED

if TYPE_CHECKING:
    from pgvoice.hooks.fill.recompute import Recomputed
    from pgvoice.store import StoreCheck, VoiceStore


@click.command(
    epilog="""\b
Examples: pgvoice db verify --json
          pgvoice db verify --recompute 50 --encoder campplus"""
)
@click.option(
    "--sample",
    type=click.IntRange(min=0),
    default=10_000,
    show_default=True,
    metavar="N",
    help="Kept comparisons to compute again; everything else is looked at whole.",
)
@click.option(
    "--recompute",
    type=click.IntRange(min=1),
    metavar="N",
    help="Also compute so many vectors of the encoder again, from the recordings.",
)
@options.encoder_option
@options.device_option
@options.url_option
@options.json_option
@click.pass_context
def verify(
    context: click.Context,
    sample: int,
    recompute: int | None,
    encoder: str | None,
    device: str | None,
    url: str | None,
    as_json: bool,
) -> None:
    """Check that the store is what it should be; changes nothing.

    Statuses, vectors, lengths and dimensions; that nothing belongs to what is gone; that profiles
    are the means of their exemplars; kept comparisons, labels and fills' sums; that indexes are
    valid. With --recompute, also that vectors are those of their audio, as far as the files are
    where they were, or an audio source has them. Exit code 1 when something is wrong.
    """
    from pgvoice.store import VoiceStore

    again = None
    with VoiceStore.open(url) as store, output.waiting("looking at everything"):
        checks = store.upkeep.verify(sample=sample)
        if recompute is not None:
            again = _recompute(store, recompute, encoder, device)
            checks.append(_check(again))
    problems = sum(check.problems for check in checks)
    if as_json:
        unheard = {} if again is None else {"unheard": again.unheard}
        output.write_json({"ok": not problems, "checks": checks} | unheard)
    else:
        _write(checks, again)
        click.echo(f"\n{output.counted(problems, 'problem')}")
    context.exit(FAILED if problems else 0)


def _recompute(
    store: VoiceStore, number: int, encoder: str | None, device: str | None
) -> Recomputed:
    from pgvoice.hooks.encoders.registry import make_encoder
    from pgvoice.hooks.fill.recompute import recompute

    return recompute(store, make_encoder(encoder, device=device), number)


def _check(again: Recomputed) -> StoreCheck:
    from pgvoice.store import StoreCheck

    what = f"segments: what {again.encoder} makes of their audio, of a sample"
    example = again.different[0] if again.different else None
    return StoreCheck(what, again.compared, len(again.different), example)


def _write(checks: list[StoreCheck], again: Recomputed | None) -> None:
    columns = [output.Column("check"), output.number("looked at"), output.number("problems")]
    output.write_table(
        [*columns, output.Column("one of them")],
        (
            (c.what, f"{c.looked_at:,}", f"{c.problems:,}", c.example or output.NOTHING)
            for c in checks
        ),
    )
    for why, segments in (again.unheard if again else {}).items():
        click.echo(output.printable(f"{output.counted(segments, 'segment')} not heard: {why}"))
