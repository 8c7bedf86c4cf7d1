"""``pgvoice backfill run --metrics``: what people are shown is served to Prometheus, too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pgvoice.cli.backfill.backfill_progress import Ask
    from pgvoice.store.upkeep.backfill_rows import BackfillStatus

#: Where only this machine can ask.
HERE = "127.0.0.1"


def address(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> tuple[str, int] | None:
    """Host and port of ``[HOST:]PORT``."""
    if value is None:
        return None
    host, _, port = value.rpartition(":")
    if not (port.isdecimal() and int(port) < 1 << 16):
        raise click.BadParameter(f"{value!r} is not like 9108 or 0.0.0.0:9108")
    return host.strip("[]") or HERE, int(port)


@contextmanager
def measured(ask: Ask, served_at: tuple[str, int] | None) -> Iterator[Ask]:
    """Gives what asks how far it is; the last answer is what is served, so that no scrape asks.

    Where the database does not answer, that stays: who only looks ends no backfill.
    """
    from pgvoice.store.errors import DatabaseError

    last: list[BackfillStatus] = []

    def asked() -> list[BackfillStatus]:
        nonlocal last
        with suppress(DatabaseError):
            last = ask()
        return last

    if served_at is None:
        yield asked
        return
    from pgvoice.hooks.backfill.metrics import served

    asked()
    with served(*served_at, lambda: last) as port:
        click.echo(f"metrics at http://{served_at[0]}:{port}/metrics", err=True)
        yield asked
