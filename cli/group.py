"""A group of commands in the order written, whose errors are one line instead of a traceback."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import click
from click.shell_completion import CompletionItem

from pgvoice.cli import terminal

FAILED = 1


def _show(
    others: Callable[..., None],
    message: Warning | str,
    category: type[Warning],
    *place: Any,
    **options: Any,
) -> None:
    """Print a warning of pgvoice as one line, without the line of code; others as Python does."""
    if category.__module__.startswith("pgvoice."):
        click.echo(f"Warning: {message}", err=True)
    else:
        others(message, category, *place, **options)


class Group(click.Group):
    """Lists its commands in the order in which they were added, and explains their errors."""

    group_class = type

    def main(self, *arguments: Any, **options: Any) -> Any:
        with terminal.guarded(), warnings.catch_warnings():
            warnings.showwarning = partial(_show, warnings.showwarning)
            return super().main(*arguments, **options)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """What the shell shows; click writes it as bytes, which are not guarded."""
        found = super().shell_complete(ctx, incomplete)
        for item in found:
            item.value = terminal.harmless(str(item.value))
            item.help = item.help and terminal.harmless(item.help)
        return found

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except Exception as error:
            # Imported here because it imports the store, which the root's help must not.
            from pgvoice.cli.errors import explain

            explained = explain(error)
            if explained is None:
                raise
            raise explained from error
