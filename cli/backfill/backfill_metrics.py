"""``pgvoice backfill run --metrics``: serves the progress to Prometheus."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import click

from pgvoice.cli.backfill.backfill_progress import Ask
from pgvoice.hooks.backfill.metrics import served
from pgvoice.store.errors import DatabaseError
from pgvoice.store.upkeep.backfills import BackfillStatus

#: Only this machine can connect here.
HERE = "127.0.0.1"


def address(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> tuple[str, int] | None:
    """Host and port of ``[HOST:]PORT``."""
    if value is None:
        return None
    host, _, port = value.rpartition(":")
    if not (port.isdecimal() and int(port) < 1 << 16):
        raise click.BadParameter(f"{value!r} is not of the form [HOST:]PORT, such as 9108")
    return host.strip("[]") or HERE, int(port)


@contextmanager
def measured(ask: Ask, served_at: tuple[str, int] | None) -> Iterator[Ask]:
    """Gives a function that queries the progress, and serves its last result to Prometheus.

    Scrapes run no query. If the database does not answer, the last result is given again, because
    looking at a backfill must not stop it.
    """
    last: list[BackfillStatus] = []

    def asked() -> list[BackfillStatus]:
        nonlocal last
        with suppress(DatabaseError):
            last = ask()
        return last

    if served_at is None:
        yield asked
        return
    asked()
    with served(*served_at, lambda: last) as port:
        click.echo(f"metrics at http://{served_at[0]}:{port}/metrics", err=True)
        yield asked
