"""``pgvoice db copy`` and ``pgvoice db checksums``: copying a whole store, and comparing two."""

from __future__ import annotations

from collections.abc import Sequence

import click

from pgvoice.cli import options, output
from pgvoice.cli.db import place
from pgvoice.store import TableSum, VoiceStore
from pgvoice.store.database.connection import psycopg_url


@click.command(epilog="Example: pgvoice db copy --to postgresql://me@host/library")
@click.option("--to", "target", required=True, metavar="URL", help="Database to copy to.")
@options.store_options
def copy(store: VoiceStore, target: str, as_json: bool) -> None:
    """Copy the whole store into another database and compare both.

    Copies from the embedded server to your own, or between any two servers, and creates tables,
    roles and privileges in the target. The target must not contain rows of pgvoice yet. The copy is
    a snapshot: all rows arrive, or none. The user must own the tables in both databases. Instead of
    putting the password in the URL, you can use PGPASSFILE or ~/.pgpass.
    """
    shown = place.libpq_url(psycopg_url(target))
    with output.progress_bar("copying and comparing") as bar:
        indexed = [str(each.encoder) for each in store.index.status() if each.indexed]
        sums = store.upkeep.copy_to(target, on_progress=bar)
    if as_json:
        output.write_json({"to": shown, "tables": sums, "indexes_to_build": indexed})
        return
    _write(sums)
    rows = sum(each.rows for each in sums)
    click.echo(
        f"\n{output.counted(rows, 'row')} copied to {output.printable(shown)}; checksums agree"
    )
    for encoder in indexed:
        click.echo(f"indexes are not copied: run `pgvoice index build --encoder {encoder}` there")


@click.command(epilog="Example: pgvoice db checksums --url postgresql://me@host/restored")
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
        _write(sums)


def _write(sums: Sequence[TableSum]) -> None:
    columns = ("table", output.number("rows"), output.word("checksum"))
    output.write_table(columns, ((one.table, one.rows, one.checksum) for one in sums))
