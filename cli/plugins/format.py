"""``pgvoice format``."""

from __future__ import annotations

import click

from pgvoice.cli import options, output
from pgvoice.cli.group import Group
from pgvoice.hooks.formats.format import Format
from pgvoice.hooks.formats.reading import registered_formats


@click.group(name="format", cls=Group)
def format() -> None:  # noqa: A001
    """Show the file formats for segments."""


@format.command("list", epilog="Example: pgvoice format list")
@options.json_option
def list_formats(as_json: bool) -> None:
    """List the formats that segments are read from.

    The format of a file is detected by its suffix and its content; --format names it if that
    fails. `names` says whether names can be written into a file of the format.
    """
    every = sorted(registered_formats().values(), key=lambda each: each.name)
    if as_json:
        output.write_json(list(map(_document, every)))
    else:
        columns = ("format", "suffixes", output.word("names"), "description")
        output.write_table(columns, map(_row, every))


def _row(each: Format) -> tuple[str, ...]:
    names = "no" if each.write is None else "yes"
    return each.name, ", ".join(each.suffixes) or output.NOTHING, names, each.summary or "-"


def _document(each: Format) -> dict[str, object]:
    named = {"name": each.name, "suffixes": each.suffixes, "summary": each.summary}
    return named | {"writes_names": each.write is not None}
