"""``pgvoice db verify``."""

from __future__ import annotations

import click

from pgvoice.cli import options, output
from pgvoice.cli.group import FAILED


@click.command(epilog="Example: pgvoice db verify --json")
@click.option(
    "--sample",
    type=click.IntRange(min=0),
    default=10_000,
    show_default=True,
    metavar="N",
    help="Kept comparisons to compute again; everything else is looked at whole.",
)
@options.url_option
@options.json_option
@click.pass_context
def verify(context: click.Context, sample: int, url: str | None, as_json: bool) -> None:
    """Check that the store is what it should be; changes nothing.

    Statuses, vectors, lengths and dimensions; that nothing belongs to what is gone; that profiles
    are the means of their exemplars; kept comparisons, labels and fills' sums; that indexes are
    valid. Exit code 1 when something is wrong.
    """
    from pgvoice.store import VoiceStore

    with VoiceStore.open(url) as store, output.waiting("looking at everything"):
        checks = store.verify(sample=sample)
    problems = sum(check.problems for check in checks)
    if as_json:
        output.write_json({"ok": not problems, "checks": checks})
    else:
        columns = [output.Column("check"), output.number("looked at"), output.number("problems")]
        output.write_table(
            [*columns, output.Column("one of them")],
            (
                (c.what, f"{c.looked_at:,}", f"{c.problems:,}", c.example or output.NOTHING)
                for c in checks
            ),
        )
        click.echo(f"\n{output.counted(problems, 'problem')}")
    context.exit(FAILED if problems else 0)
