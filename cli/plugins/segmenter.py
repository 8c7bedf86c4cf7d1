"""``pgvoice segmenter``."""

from __future__ import annotations

import click

from pgvoice.cli import options, output
from pgvoice.cli.checks.packages import install_command
from pgvoice.cli.group import Group
from pgvoice.hooks.segmenters import registry
from pgvoice.hooks.segmenters.registry import RegisteredSegmenter


@click.group(cls=Group)
def segmenter() -> None:
    """Show the models that find who speaks when."""


@segmenter.command("list", epilog="Example: pgvoice segmenter list")
@options.wide_option
@options.json_option
def list_segmenters(as_json: bool) -> None:
    """List the segmenters that turn audio into turns.

    A segmenter finds when people speak, without names; recordings that come with segments need
    none. --segmenter and PGVOICE_SEGMENTER take NAME, or NAME:SOURCE for other weights.
    """
    available = sorted(registry.registered_segmenters().values())
    used = registry.default_segmenter()
    if as_json:
        output.write_json({"available": list(map(_document, available)), "default": used})
        return
    output.write_table(
        ["segmenter", output.word("installed"), output.explanation("description")],
        ((each.name, install_command(each.extra) or "yes", each.summary) for each in available),
    )
    click.echo(f"\nused unless --segmenter or {registry.SEGMENTER_VARIABLE} names another: {used}")


def _document(segmenter: RegisteredSegmenter) -> dict[str, object]:
    remedy = install_command(segmenter.extra)
    named = {"name": segmenter.name, "summary": segmenter.summary}
    return named | {"installed": remedy is None, "remedy": remedy}
