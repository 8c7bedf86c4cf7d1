"""A group that is a command itself, unless its first argument is one of its commands."""

from __future__ import annotations

from typing import Any

import click
from click.shell_completion import CompletionItem

from pgvoice.cli.group import Group, refuse_repeated


class Default(click.Command):
    """What the group does by itself; its help also lists the group's commands."""

    group: Group

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_usage(ctx, formatter)
        commands = f"{'|'.join(self.group.commands)} [OPTIONS] [ARGS]..."
        formatter.write_usage(ctx.command_path, commands, prefix=" " * len("Usage: "))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_options(ctx, formatter)
        self.group.format_commands(ctx, formatter)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        named = [each for each in self.group.commands if each.startswith(incomplete)]
        return [*map(CompletionItem, named), *super().shell_complete(ctx, incomplete)]


class DefaultGroup(Group):
    """Runs its `default` if the first argument is no command; ``./status`` is a file."""

    def __init__(self, *arguments: Any, default: Default, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.default = default
        default.group, self.help, self.epilog = self, default.help, default.epilog

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        if args and args[0] in self.commands:
            return super().make_context(info_name, args, parent, **extra)
        if parent is not None and not extra.get("resilient_parsing"):
            refuse_repeated(self.default, parent, str(info_name), args)
        return self.default.make_context(info_name, args, parent, **extra)
