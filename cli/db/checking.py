"""``pgvoice db verify``, ``copy`` and ``checksums``: checking a store, and comparing two."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import click

from pgvoice.cli import options, output
from pgvoice.cli.group import FAILED
from pgvoice.hooks.encoders.registry import make_encoder
from pgvoice.hooks.fill.recompute import Recomputed
from pgvoice.hooks.fill.recompute import recompute as compute_again
from pgvoice.store import StoreCheck, TableSum, VoiceStore
from pgvoice.store.database.urls import libpq_url, psycopg_url


@click.command(
    epilog="""\b
Examples: pgvoice db verify --json
          pgvoice db verify --recompute 50 --encoder campplus
          pgvoice db verify --audit-head e3b0c44298fc..."""
)
@options.integer(
    "--sample", 0, "Stored comparisons to compute again; all else is checked in full.", 10_000
)
@options.integer("--recompute", 1, "Also compute this many vectors again from the recordings.")
@click.option(
    "--audit-head",
    metavar="HASH",
    help="Also check that the audit trail still has this hash, from `pgvoice audit --head`.",
)
@options.model_options
@options.wide_option
@options.store_options
@click.pass_context
def verify(
    context: click.Context,
    store: VoiceStore,
    sample: int,
    recompute: int | None,
    audit_head: str | None,
    encoder: str | None,
    device: str | None,
    as_json: bool,
) -> None:
    """Check the integrity of the store. Changes nothing.

    Checks statuses, vectors, lengths and dimensions; references to deleted rows; profiles, which
    must be the means of their exemplars; stored comparisons, labels and the totals of fills; erased
    speech; the chain of the audit trail; and indexes. With --recompute, also checks vectors against
    their audio, if the files are still in place or an audio source has them. The exit code is 1 if
    there is a problem.
    """
    again = None
    with output.waiting("checking the store"):
        checks = store.upkeep.verify(sample=sample, audit_head=audit_head)
        if recompute is not None:
            again = compute_again(store, make_encoder(encoder, device=device), recompute)
            what = f"segments: vectors that {again.encoder} computes again, a sample"
            example = again.different[0] if again.different else None
            checks.append(StoreCheck(what, again.compared, len(again.different), example))
    problems = sum(check.problems for check in checks)
    if as_json:
        unheard = {} if again is None else {"unheard": again.unheard}
        output.write_json({"ok": not problems, "checks": checks} | unheard)
    else:
        _write_checks(checks, again)
        click.echo()
        output.tell(output.counted(problems, "problem"), "red" if problems else "green")
    context.exit(FAILED if problems else 0)


def _write_checks(checks: Sequence[StoreCheck], again: Recomputed | None) -> None:
    output.write_table(
        [*output.numbers("checked", "problems"), output.explanation("check")],
        ((each.looked_at, each.problems, each.what) for each in checks),
    )
    for each in checks:
        if each.problems:
            example = f", such as {each.example}" if each.example else ""
            click.echo(output.printable(f"{each.problems:,} x {each.what}{example}"))
    for why, segments in (again.unheard if again else {}).items():
        not_recomputed = f"{output.counted(segments, 'segment')} not recomputed: {why}"
        click.echo(output.printable(not_recomputed))


@click.command(epilog="Example: pgvoice db copy --to postgresql://me@host/library")
@click.option("--to", "target", required=True, metavar="URL", help="Database to copy to.")
@options.wide_option
@options.store_options
def copy(store: VoiceStore, target: str, as_json: bool) -> None:
    """Copy the whole store into another database and compare both.

    Copies from the embedded server to your own, or between any two servers, and creates tables,
    roles and privileges in the target. The target must not contain rows of pgvoice yet. The copy is
    a snapshot: all rows arrive, or none. The user must own the tables in both databases. Instead of
    putting the password in the URL, you can use PGPASSFILE or ~/.pgpass.
    """
    shown = libpq_url(psycopg_url(target))
    with output.progress("copying and comparing") as bar:
        indexed = [str(each.encoder) for each in store.index.status() if each.indexed]
        sums = store.upkeep.copy_to(target, on_progress=bar)
    if as_json:
        output.write_json({"to": shown, "tables": sums, "indexes_to_build": indexed})
        return
    _write_sums(sums)
    rows = sum(each.rows for each in sums)
    click.echo(
        f"\n{output.counted(rows, 'row')} copied to {output.printable(shown)}; checksums agree"
    )
    for encoder in indexed:
        named = shlex.quote(encoder)
        click.echo(f"indexes are not copied: run `pgvoice index build --encoder {named}` there")


@click.command(epilog="Example: pgvoice db checksums --url postgresql://me@host/restored")
@options.wide_option
@options.store_options
def checksums(store: VoiceStore, as_json: bool) -> None:
    """Show the number of rows and a checksum of each table.

    The same rows have the same checksum on any server, so you can compare a restored dump with the
    original.
    """
    with output.waiting("reading all tables"):
        sums = store.upkeep.checksums()
    if as_json:
        output.write_json({"tables": sums})
    else:
        _write_sums(sums)


def _write_sums(sums: Sequence[TableSum]) -> None:
    columns = ("table", output.number("rows"), output.word("checksum"))
    output.write_table(columns, ((one.table, one.rows, one.checksum) for one in sums))
