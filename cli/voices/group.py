"""A group of commands that runs ``list`` if no command is named."""

from __future__ import annotations

import click

from pgvoice.cli.group import Group

#: What stands for the list.
DEFAULT = "list"


class ListingGroup(Group):
    """Runs its command ``list``, with the options given, if the first argument is no command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args = [DEFAULT, *args]
        return super().parse_args(ctx, args)
