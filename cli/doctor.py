"""``pgvoice doctor``: checks that each look at one thing and say what was found and what helps."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterable, Iterator

import click

from pgvoice.cli import options, output, terminal
from pgvoice.cli.checks.check import Check
from pgvoice.cli.checks.database import check_database
from pgvoice.cli.checks.filling import check_filling
from pgvoice.cli.checks.packages import PURPOSES, check_extra, installed_version
from pgvoice.cli.group import FAILED
from pgvoice.cli.serve.serve import TOKEN_VARIABLE
from pgvoice.hooks.encoders import registry
from pgvoice.hooks.encoders.registry import ENCODER_VARIABLE
from pgvoice.hooks.formats.reading import registered_formats
from pgvoice.hooks.plugins import installed
from pgvoice.hooks.segmenters.registry import SEGMENTER_VARIABLE, registered_segmenters
from pgvoice.hooks.sources import registered_sources
from pgvoice.store.database.server.names import DATA_VARIABLE, LINGER_VARIABLE
from pgvoice.store.database.urls import URL_VARIABLE, libpq_url, psycopg_url
from pgvoice.store.errors import DatabaseError, PgvoiceError

#: Everything that pgvoice reads from the environment.
SETTINGS = (
    *(URL_VARIABLE, DATA_VARIABLE, LINGER_VARIABLE, "PGVOICE_AUDIO", ENCODER_VARIABLE),
    *(SEGMENTER_VARIABLE, "PGVOICE_PLAYER", "PGVOICE_PLUGINS", TOKEN_VARIABLE, "PGVOICE_TRIAL"),
)
#: Those that are not shown.
SECRETS = (TOKEN_VARIABLE,)
COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}
_INDENT = 26


@click.command(epilog="Example: pgvoice doctor --no-torch")
@click.option(
    "--no-torch",
    is_flag=True,
    help="Do not run the encoder and the segmenter, because importing torch is slow.",
)
@options.url_options
@click.pass_context
def doctor(context: click.Context, no_torch: bool, url: str | None, as_json: bool) -> None:
    """Check the installation and suggest fixes.

    Decodes a second of sound and runs the encoder and the segmenter on it, as an ingest would.
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
    click.echo(state, terminal.unguarded(sys.stdout), nl=False)
    click.echo(f"  {check.name:<{_INDENT - 6}}{detail}")


def checks(url: str | None, *, torch: bool) -> Iterator[Check]:
    """The result of every check as soon as it is there, cheap ones first."""
    yield Check("python", "ok", f"{platform.python_version()} on {platform.platform(terse=True)}")
    yield Check("pgvoice", "ok", str(installed_version("pgvoice")))
    yield from (check_extra(name, url) for name in PURPOSES)
    yield from _settings()
    yield _plugins()
    yield from check_database(url)
    yield from check_filling(torch=torch)


def _settings() -> Iterator[Check]:
    for name in sorted(name for name in os.environ if name.startswith("PGVOICE_")):
        value = os.environ[name]
        if name not in SETTINGS:
            yield Check(
                name, "warn", f"not a setting of pgvoice; its settings are {', '.join(SETTINGS)}"
            )
        elif name in SECRETS:
            yield Check(name, "ok", "set" if value else "(empty)")
        elif name != URL_VARIABLE:
            yield Check(name, "ok", value or "(empty)")
        else:
            yield _url_setting(value)


def _url_setting(value: str) -> Check:
    try:
        shown = libpq_url(psycopg_url(value)) if value else "(empty)"
    except DatabaseError as error:
        return Check(URL_VARIABLE, "fail", str(error))
    return Check(URL_VARIABLE, "ok", shown)


def _plugins() -> Check:
    try:
        found = [each.name for each in installed.listed() if each.distribution != installed.OWN]
        brought: dict[str, Iterable[str]] = {
            "encoders": registry.registered_encoders(),
            "segmenters": registered_segmenters(),
            "formats": registered_formats(),
            "audio sources": registered_sources(),
        }
    except PgvoiceError as error:
        return Check("plugins", "fail", str(error))
    named = "; ".join(f"{kind}: {', '.join(sorted(names))}" for kind, names in brought.items())
    return Check("plugins", "ok", f"{', '.join(found) or 'none'}; {named}")
