"""A group of commands in the order written, whose errors are one line instead of a traceback."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import click
from click.shell_completion import CompletionItem

from pgvoice.cli import terminal

FAILED = 1


def refuse_repeated(
    command: click.Command, parent: click.Context, name: str, args: list[str]
) -> None:
    """Raise `click.UsageError` if an option that takes one value is given twice.

    click takes the last one. A flag may be repeated unless it has an opposite.
    """
    context = command.context_class(
        command, info_name=name, parent=parent, **command.context_settings
    )
    try:
        _, _, given = command.make_parser(context).parse_args(list(args))
    except click.UsageError:
        return  # which click reports when it parses the arguments itself
    for option, times in Counter(given).items():
        if times > 1 and isinstance(option, click.Option) and _takes_one(option):
            raise click.UsageError(
                f"{option.opts[0]} is given {times} times: give it once.", context
            )


def _takes_one(option: click.Option) -> bool:
    if option.is_flag:
        return bool(option.secondary_opts)
    return not (option.multiple or option.count)


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

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        command = command and self.loaded(command)
        if command is not None and not ctx.resilient_parsing:
            refuse_repeated(command, ctx, str(name), rest)
        return name, command, rest

    def loaded(self, command: click.Command) -> click.Command:
        """The command itself, if it stands in for one."""
        return command

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
