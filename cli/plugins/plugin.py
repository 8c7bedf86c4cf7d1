"""``pgvoice plugin``."""

from __future__ import annotations

from dataclasses import asdict

import click

from pgvoice.cli import options, output
from pgvoice.cli.group import FAILED, Group
from pgvoice.hooks.plugins.installed import Plugin
from pgvoice.hooks.plugins.survey import survey


@click.group(cls=Group)
def plugin() -> None:
    """Show the installed plugins."""


@plugin.command("list", epilog="Example: pgvoice plugin list")
@options.wide_option
@options.json_option
def list_plugins(as_json: bool) -> None:
    """List the plugins with their state and hooks.

    A plugin is a package with an entry point in the group pgvoice. If PGVOICE_PLUGINS is set, only
    the plugins that it names are loaded. The exit code is 1 if a plugin fails.
    """
    found = survey()
    if as_json:
        output.write_json([asdict(each) for each in found.plugins])
    else:
        package, version = output.optional("package", 1), output.optional("version", 2)
        columns = ("plugin", package, version, output.word("state"), output.explanation("hooks"))
        output.write_table(columns, map(_row, found.plugins))
    for problem in found.problems:
        click.echo(f"Error: {output.printable(problem)}", err=True)
    if found.problems:
        click.get_current_context().exit(FAILED)


def _row(plugin: Plugin) -> tuple[str, ...]:
    hooks = ", ".join(plugin.hooks)
    fields = (plugin.name, plugin.distribution, plugin.version, plugin.state, hooks)
    return tuple(field or output.NOTHING for field in fields)
