"""``pgvoice doctor``: checks that each look at one thing and say what was found and what helps."""

from __future__ import annotations

import os
import platform
import re
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Literal, NamedTuple

import click
from sqlalchemy import Connection

from pgvoice.cli import options, output, terminal
from pgvoice.cli.db import place
from pgvoice.cli.db.db import server_version
from pgvoice.cli.group import FAILED
from pgvoice.hooks.encoders import registry
from pgvoice.hooks.encoders.lazy import choose_device
from pgvoice.hooks.errors import EncoderUnavailable
from pgvoice.hooks.formats.reading import registered_formats
from pgvoice.hooks.plugins import installed
from pgvoice.hooks.sources import registered_sources
from pgvoice.store.database import embedded, exposure, preparing, roles, schema
from pgvoice.store.database.connection import URL_VARIABLE, open_database, psycopg_url, shown_url
from pgvoice.store.database.server.names import DATA_VARIABLE
from pgvoice.store.errors import DatabaseError, PgvectorOutdated, PgvoiceError
from pgvoice.store.voice_store import VoiceStore

#: Everything that pgvoice reads from the environment.
SETTINGS = (URL_VARIABLE, DATA_VARIABLE, "PGVOICE_AUDIO", "PGVOICE_ENCODER", "PGVOICE_PLUGINS")
COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}
_INDENT = 26
#: What each extra is needed for.
PURPOSES = {
    "extract": "to fill and to enroll from audio",
    "campplus": "for the encoder campplus",
    "embedded": "for an embedded database server",
    "demo": "for `pgvoice demo`",
    "evaluate": "for `pgvoice evaluate`",
    "metrics": "for Prometheus metrics",
    "plot": "for pictures (`--plot`)",
    "ray": "to backfill on a Ray cluster",
}
_REQUIREMENT = re.compile(r"""([A-Za-z0-9._-]+).*extra == ['"](\w+)['"]""")
State = Literal["ok", "warn", "fail"]


class Check(NamedTuple):
    """The result of a check."""

    name: str
    state: State
    #: What was found, with the remedy unless the state is ok.
    detail: str


@click.command(epilog="Example: pgvoice doctor --no-torch")
@click.option(
    "--no-torch",
    is_flag=True,
    help="Skip the check of the device, because importing torch is slow.",
)
@options.url_options
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
    click.echo(state, terminal.unguarded(sys.stdout), nl=False)
    click.echo(f"  {check.name:<{_INDENT - 6}}{detail}")


def checks(url: str | None, *, torch: bool) -> Iterator[Check]:
    """The result of every check as soon as it is there, cheap ones first."""
    yield Check("python", "ok", f"{platform.python_version()} on {platform.platform(terse=True)}")
    yield Check("pgvoice", "ok", str(installed_version("pgvoice")))
    yield from (_extra(name, url) for name in PURPOSES)
    yield from _settings()
    yield _plugins()
    yield _place(url)
    yield from _database(url)
    if torch:
        yield _device()


def _extra(name: str, url: str | None) -> Check:
    missing = missing_packages(name)
    if not missing:
        return Check(f"extra {name}", "ok", "installed")
    needed = name == "extract" or (name == "embedded" and place.embedded_folder(url) is not None)
    return Check(
        f"extra {name}",
        "warn" if needed else "ok",
        f'{", ".join(missing)} not installed; {PURPOSES[name]}: pip install "pgvoice[{name}]"',
    )


def _settings() -> Iterator[Check]:
    for name in sorted(name for name in os.environ if name.startswith("PGVOICE_")):
        value = os.environ[name]
        if name not in SETTINGS:
            yield Check(
                name, "warn", f"not a setting of pgvoice; its settings are {', '.join(SETTINGS)}"
            )
        elif name != URL_VARIABLE:
            yield Check(name, "ok", value or "(empty)")
        else:
            yield _url_setting(value)


def _url_setting(value: str) -> Check:
    try:
        shown = shown_url(psycopg_url(value)) if value else "(empty)"
    except DatabaseError as error:
        return Check(URL_VARIABLE, "fail", str(error))
    return Check(URL_VARIABLE, "ok", shown)


def _plugins() -> Check:
    try:
        found = [each.name for each in installed.listed() if each.distribution != installed.OWN]
        brought: dict[str, Iterable[str]] = {
            "encoders": registry.registered_encoders(),
            "formats": registered_formats(),
            "audio sources": registered_sources(),
        }
    except PgvoiceError as error:
        return Check("plugins", "fail", str(error))
    named = "; ".join(f"{kind}: {', '.join(sorted(names))}" for kind, names in brought.items())
    return Check("plugins", "ok", f"{', '.join(found) or 'none'}; {named}")


def _place(url: str | None) -> Check:
    folder = place.embedded_folder(url)
    if folder is None:
        return Check("data", "ok", "on your own server")
    created = "" if embedded.exists(folder) else ", created now"
    return Check("data", "ok", f"on the embedded server in {folder}{created}")


def _database(url: str | None) -> Iterator[Check]:
    """Whether the server answers, has pgvector, and has tables that this version can use."""
    try:
        with open_database(url) as database, database.engine.connect() as connection:
            version = server_version(connection.dialect.server_version_info)
    except PgvoiceError as error:
        yield Check("database", "fail", str(error))
        return
    yield Check("database", "ok", f"Postgres {version} answers")
    try:
        with _opened(url) as store, store.database.engine.connect() as connection:
            yield _pgvector(connection)
            yield Check("tables", "ok", f"revision {schema.HEAD}, grid {store.grid_ms} ms")
            yield from _rights(connection)
            yield _consent(store)
    except PgvoiceError as error:
        yield Check("tables", "fail", str(error))


@contextmanager
def _opened(url: str | None) -> Iterator[VoiceStore]:
    """The store, whose pgvector has a check of its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PgvectorOutdated)
        opened = VoiceStore.open(url)
    with opened:
        yield opened


def _pgvector(connection: Connection) -> Check:
    version = preparing.pgvector_version(connection)
    outdated = preparing.pgvector_warning(version)
    return Check("pgvector", "ok" if outdated is None else "warn", outdated or str(version))


def _rights(connection: Connection) -> Iterator[Check]:
    """Whether the roles work, nobody can shadow the functions, and the log gets no vector."""
    lacking = roles.lacking(connection)
    yield Check("roles", "ok" if lacking is None else "warn", lacking or ", ".join(roles.ROLES))
    opened = exposure.open_schema(connection)
    yield Check(
        "schemas", "ok" if opened is None else "fail", opened or "nobody else creates there"
    )
    logged = exposure.logged_plans(connection)
    yield Check("log", "ok" if logged is None else "warn", logged or "gets no plan with a vector")


def _consent(store: VoiceStore) -> Check:
    ended = store.privacy.delete_expired(dry_run=True).speakers
    if ended:
        return Check(
            "consent",
            "warn",
            f"ended for people still enrolled: {', '.join(ended)}; `pgvoice retention run`"
            " deletes their voiceprints",
        )
    if not store.privacy.consent_required:
        return Check(
            "consent",
            "warn",
            "ENROLLING DOES NOT REQUIRE CONSENT, though voiceprints are biometric data:"
            " `pgvoice consent require` requires it from now on",
        )
    return Check("consent", "ok", "required to enroll anybody")


def _device() -> Check:
    try:
        return Check("device", "ok", choose_device())
    except EncoderUnavailable as error:
        return Check("device", "warn", f"no model can run here: {error}")


def packages(extra: str) -> list[str]:
    """The packages of an extra, from the metadata of pgvoice."""
    found = (_REQUIREMENT.match(line) for line in requires("pgvoice") or ())
    return sorted({match[1] for match in found if match and match[2] == extra})


def missing_packages(extra: str) -> list[str]:
    """The packages of an extra that are not installed."""
    return [package for package in packages(extra) if installed_version(package) is None]


def installed_version(package: str) -> str | None:
    """The version of a package; None if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None
