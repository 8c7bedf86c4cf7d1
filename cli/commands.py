"""The root's commands: pgvoice's own, imported when called, and those of plugins."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

import click

from pgvoice.cli.group import Group

#: Commands that say themselves which plugins are missing.
REPORTING = ("doctor", "hook", "plugin")
PLUGINS_VARIABLE = "PGVOICE_PLUGINS"


class LazyCommand(click.Command):
    """Stands in for the command of the same name in a module that is not imported yet."""

    def __init__(self, name: str, module: str, short_help: str) -> None:
        super().__init__(name, short_help=short_help)
        #: Below `pgvoice.cli`.
        self.module = module


def loaded(command: click.Command) -> click.Command:
    """The command that a `LazyCommand` stands in for; any other command itself."""
    if not isinstance(command, LazyCommand):
        return command
    with _without_collections():
        module = import_module(f"pgvoice.cli.{command.module}")
    found: click.Command = getattr(module, str(command.name))
    return found


@contextmanager
def _without_collections() -> Iterator[None]:
    """Imports make many objects and no garbage; to look for some takes a tenth of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class Commands(Group):
    """The root group.

    Plugins are imported only for a command that is not built in, and for the list of commands. A
    plugin that PGVOICE_PLUGINS names must be installed.
    """

    group_class = type
    _has_plugin_commands = False

    def list_commands(self, ctx: click.Context) -> list[str]:
        try:
            self._add_plugin_commands()
        except click.ClickException as error:
            click.echo(f"Warning: {error.message}", err=True)
        return super().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.commands:
            self._add_plugin_commands()
        return super().get_command(ctx, cmd_name)

    def loaded(self, command: click.Command) -> click.Command:
        return loaded(command)

    def _add_plugin_commands(self) -> None:
        if self._has_plugin_commands or not _any_plugin_installed():
            return
        # Imported here because the hooks take long to import and most calls need no plugin.
        from pgvoice.hooks.errors import PluginError
        from pgvoice.hooks.plugins import calls

        try:
            self.commands = calls.registered(
                "register_commands", "a command", lambda _plugin, command: command, self.commands
            )
        except PluginError as error:
            raise click.ClickException(str(error)) from error
        self._has_plugin_commands = True

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        name = next((each for each in args if not each.startswith("-")), None)
        told = name is None or name in REPORTING or {"-h", "--help"}.intersection(args)
        if not told and not ctx.resilient_parsing:
            _refuse_missing_plugins()
        return super().parse_args(ctx, args)


def _refuse_missing_plugins() -> None:
    if not os.environ.get(PLUGINS_VARIABLE):
        return
    from pgvoice.hooks.plugins.installed import missing_plugins

    if problems := missing_plugins():
        raise click.ClickException(problems[0])


def _any_plugin_installed() -> bool:
    wanted = os.environ.get(PLUGINS_VARIABLE)
    if wanted is not None:
        return bool(wanted.strip(", "))
    from importlib.metadata import entry_points  # takes long to import

    return bool(entry_points(group="pgvoice"))
