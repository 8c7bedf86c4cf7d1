"""``pgvoice db copy`` and ``pgvoice db checksums``: a whole store elsewhere, and whether it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from pgvoice.cli import options, output
from pgvoice.cli.db import place

if TYPE_CHECKING:
    from pgvoice.store import TableSum


@click.command(epilog="Example: pgvoice db copy --to postgresql://me@host/library")
@click.option("--to", "target", required=True, metavar="URL", help="Database to copy to.")
@options.url_option
@options.json_option
def copy(target: str, url: str | None, as_json: bool) -> None:
    """Copy the whole store into another database, and compare both.

    From the embedded server to your own, or between any two; tables, roles and rights are made
    there. It must hold no rows of pgvoice yet: all rows of one moment arrive, or none. Needs the
    owner of the tables on both sides. A password need not stand in the URL: PGPASSFILE and
    ~/.pgpass are read.
    """
    from pgvoice.store import VoiceStore
    from pgvoice.store.database.connection import psycopg_url

    shown = place.libpq_url(psycopg_url(target))
    with VoiceStore.open(url) as store, output.progress_bar("copying and comparing") as bar:
        indexed = [str(each.encoder) for each in store.index.status() if each.indexed]
        sums = store.upkeep.copy_to(target, on_progress=bar)
    if as_json:
        output.write_json({"to": shown, "tables": sums, "indexes_to_build": indexed})
        return
    _write(sums)
    rows = sum(each.rows for each in sums)
    click.echo(
        f"\n{output.counted(rows, 'row')} copied to {output.printable(shown)}: the same there"
    )
    for encoder in indexed:
        click.echo(f"an index is not copied: there, `pgvoice index build --encoder {encoder}`")


@click.command(epilog="Example: pgvoice db checksums --url postgresql://me@host/restored")
@options.url_option
@options.json_option
def checksums(url: str | None, as_json: bool) -> None:
    """Show how many rows each table has, and a checksum.

    The same rows have the same checksum on any server: compare a restored dump with the original.
    """
    from pgvoice.store import VoiceStore

    with VoiceStore.open(url) as store, output.waiting("reading everything"):
        sums = store.upkeep.checksums()
    if as_json:
        output.write_json({"tables": sums})
    else:
        _write(sums)


def _write(sums: Sequence[TableSum]) -> None:
    columns = [output.Column("table"), output.number("rows"), output.word("checksum")]
    output.write_table(columns, ((one.table, f"{one.rows:,}", one.checksum) for one in sums))
