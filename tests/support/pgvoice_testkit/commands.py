"""The command table, for tests that call every command."""

from __future__ import annotations

from collections.abc import Iterator

import click

from pgvoice.cli.commands import loaded
from pgvoice.cli.ingest.group import DefaultGroup
from pgvoice.cli.main import cli

Path = tuple[str, ...]


def leaves(group: click.Group = cli, path: Path = ()) -> Iterator[Path]:
    """The words of every command that is not a group, or does something by itself."""
    for name, command in group.commands.items():
        command = loaded(command)
        if isinstance(command, DefaultGroup):
            yield (*path, name)
        if isinstance(command, click.Group):
            yield from leaves(command, (*path, name))
        else:
            yield (*path, name)


def leaf(path: Path) -> click.Command:
    """The command of these words."""
    command: click.Command = cli
    for name in path:
        assert isinstance(command, click.Group)
        command = loaded(command.commands[name])
    return command.default if isinstance(command, DefaultGroup) else command
