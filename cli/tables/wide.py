"""``--wide``: tables with every column and value in full."""

from __future__ import annotations

import click

#: Marks a command that was called with ``--wide``, in its context.
_WIDE = "pgvoice.wide"


def _remember(context: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if wanted:
        context.meta[_WIDE] = True


#: For every command that prints a table; `is_wide` tells where it is printed.
wide_option = click.option(
    "--wide",
    is_flag=True,
    expose_value=False,
    callback=_remember,
    help="Show all columns and whole values, however long the lines.",
)


def is_wide() -> bool:
    """Whether the command that runs was called with ``--wide``."""
    context = click.get_current_context(silent=True)
    return context is not None and _WIDE in context.meta
