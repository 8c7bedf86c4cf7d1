"""``pgvoice db verify``."""

from __future__ import annotations

from collections.abc import Sequence

import click

from pgvoice.cli import options, output
from pgvoice.cli.group import FAILED
from pgvoice.hooks.encoders.registry import make_encoder
from pgvoice.hooks.fill.recompute import Recomputed
from pgvoice.hooks.fill.recompute import recompute as compute_again
from pgvoice.store import StoreCheck, VoiceStore


@click.command(
    epilog="""\b
Examples: pgvoice db verify --json
          pgvoice db verify --recompute 50 --encoder campplus"""
)
@options.integer(
    "--sample", 0, "Stored comparisons to compute again; all else is checked in full.", 10_000
)
@options.integer("--recompute", 1, "Also compute this many vectors again from the recordings.")
@options.model_options
@options.store_options
@click.pass_context
def verify(
    context: click.Context,
    store: VoiceStore,
    sample: int,
    recompute: int | None,
    encoder: str | None,
    device: str | None,
    as_json: bool,
) -> None:
    """Check the integrity of the store. Changes nothing.

    Checks statuses, vectors, lengths and dimensions; references to deleted rows; profiles, which
    must be the means of their exemplars; stored comparisons, labels and the totals of fills; and
    indexes. With --recompute, also checks vectors against their audio, if the files are still in
    place or an audio source has them. The exit code is 1 if there is a problem.
    """
    again = None
    with output.waiting("checking the store"):
        checks = store.upkeep.verify(sample=sample)
        if recompute is not None:
            again = compute_again(store, make_encoder(encoder, device=device), recompute)
            checks.append(_check(again))
    problems = sum(check.problems for check in checks)
    if as_json:
        unheard = {} if again is None else {"unheard": again.unheard}
        output.write_json({"ok": not problems, "checks": checks} | unheard)
    else:
        _write(checks, again)
        click.echo(f"\n{output.counted(problems, 'problem')}")
    context.exit(FAILED if problems else 0)


def _check(again: Recomputed) -> StoreCheck:
    what = f"segments: vectors that {again.encoder} computes again, a sample"
    example = again.different[0] if again.different else None
    return StoreCheck(what, again.compared, len(again.different), example)


def _write(checks: Sequence[StoreCheck], again: Recomputed | None) -> None:
    output.write_table(
        ["check", *output.numbers("checked", "problems"), "example"],
        ((each.what, each.looked_at, each.problems, each.example) for each in checks),
    )
    for why, segments in (again.unheard if again else {}).items():
        not_recomputed = f"{output.counted(segments, 'segment')} not recomputed: {why}"
        click.echo(output.printable(not_recomputed))
