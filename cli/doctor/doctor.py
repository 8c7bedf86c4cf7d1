"""``pgvoice doctor``."""

from __future__ import annotations

import click

from pgvoice.cli import options, output
from pgvoice.cli.doctor.checks import Check, checks
from pgvoice.cli.group import FAILED

COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}
_INDENT = 26


@click.command(epilog="Example: pgvoice doctor --no-torch")
@click.option(
    "--no-torch",
    is_flag=True,
    help="Skip the check of the device, because importing torch is slow.",
)
@options.store_options
@click.pass_context
def doctor(context: click.Context, no_torch: bool, url: str | None, as_json: bool) -> None:
    """Check the installation and suggest fixes.

    Starts the embedded server, and creates it if there is none yet. The exit code is 1 if a check
    fails.
    """
    done = []
    for check in checks(url, torch=not no_torch):
        done.append(check)
        if not as_json:
            _write(check)
    failed = any(check.state == "fail" for check in done)
    if as_json:
        output.write_json({"ok": not failed, "checks": [check._asdict() for check in done]})
    context.exit(FAILED if failed else 0)


def _write(check: Check) -> None:
    state = output.coloured(f"{check.state:<4}", COLOURS[check.state])
    detail = output.hanging(output.printable(check.detail), _INDENT)
    click.echo(f"{state}  {check.name:<{_INDENT - 6}}{detail}")
