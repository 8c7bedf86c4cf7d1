"""``pgvoice plugin``."""

from __future__ import annotations

from dataclasses import asdict

import click

from pgvoice.cli import options, output
from pgvoice.cli.group import Group


@click.group(cls=Group)
def plugin() -> None:
    """See what takes part in pgvoice."""


@plugin.command("list", epilog="Example: pgvoice plugin list")
@options.json_option
def list_plugins(as_json: bool) -> None:
    """List the loaded plugins and the hooks that each implements.

    A plugin is a package with an entry point in the group pgvoice. PGVOICE_PLUGINS names those
    to load.
    """
    from pgvoice.hooks import plugins

    found = plugins.listed()
    if as_json:
        output.write_json([asdict(each) for each in found])
        return
    columns = [output.Column(name) for name in ("plugin", "package", "version", "hooks")]
    rows = (
        (
            each.name,
            each.distribution or output.NOTHING,
            each.version or output.NOTHING,
            ", ".join(each.hooks) or output.NOTHING,
        )
        for each in found
    )
    output.write_table(columns, rows)
