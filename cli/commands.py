"""The root's commands: pgvoice's own, and those of plugins, which are looked for only when needed.

Both are registered by the same function. For a built-in command nothing of a plugin is imported.
"""

from __future__ import annotations

import os
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

import click

from pgvoice.cli.group import Group

if TYPE_CHECKING:
    from pgvoice.hooks.plugins.specs import RegisterCommand

#: Who brings the commands of pgvoice itself.
BUILTIN = "builtin-commands"


class Commands(Group):
    """A command that is not built in, and the list of all, ask the plugins."""

    group_class = type
    _asked = False

    def list_commands(self, ctx: click.Context) -> list[str]:
        try:
            self._ask_plugins()
        except click.ClickException as error:
            click.echo(f"Warning: {error.message}", err=True)
        return super().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.commands:
            self._ask_plugins()
        return super().get_command(ctx, cmd_name)

    def _ask_plugins(self) -> None:
        """Once, where any is installed: importing pluggy and the hooks takes long."""
        if self._asked or not _some_installed():
            return
        from pgvoice.hooks.errors import PluginError
        from pgvoice.hooks.plugins import calls
        from pgvoice.hooks.plugins.registered_names import Names

        names = Names[click.Command]("a command")
        for name, command in self.commands.items():
            names.add(BUILTIN, name, command)

        def registering(plugin: str) -> RegisterCommand:
            return lambda command: names.add(plugin, str(command.name), command)

        try:
            calls.register_commands(registering)
        except PluginError as error:
            raise click.ClickException(str(error)) from error
        self.commands = names.found
        self._asked = True


def _some_installed() -> bool:
    wanted = os.environ.get("PGVOICE_PLUGINS")
    if wanted is not None:
        return bool(wanted.strip(", "))
    return bool(entry_points(group="pgvoice"))
