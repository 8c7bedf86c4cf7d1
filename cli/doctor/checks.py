"""The doctor's checks: each looks at one thing and says what it saw, and what helps."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Literal, NamedTuple

from pgvoice.cli.db import place
from pgvoice.cli.db.db import server_version
from pgvoice.cli.doctor.extras import PURPOSES, installed_version, missing_packages
from pgvoice.hooks.errors import EncoderUnavailable
from pgvoice.store.database import embedded
from pgvoice.store.database.connection import URL_VARIABLE, open_database, psycopg_url
from pgvoice.store.database.embedded import DATA_VARIABLE
from pgvoice.store.errors import DatabaseError, PgvoiceError

if TYPE_CHECKING:
    from sqlalchemy import Connection

#: Everything that pgvoice reads from the environment.
SETTINGS = (URL_VARIABLE, DATA_VARIABLE, "PGVOICE_AUDIO", "PGVOICE_ENCODER", "PGVOICE_PLUGINS")


class Check(NamedTuple):
    """What a check saw."""

    name: str
    state: Literal["ok", "warn", "fail"]
    #: What was seen; with the remedy where the state is not ok.
    detail: str


def checks(url: str | None, *, torch: bool) -> Iterator[Check]:
    """Every check, as soon as it is done; cheap ones first."""
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
            yield Check(name, "warn", f"unknown to pgvoice; it knows {', '.join(SETTINGS)}")
        elif name != URL_VARIABLE:
            yield Check(name, "ok", value or "(empty)")
        else:
            yield _url_setting(value)


def _url_setting(value: str) -> Check:
    try:
        shown = place.libpq_url(psycopg_url(value)) if value else "(empty)"
    except DatabaseError as error:
        return Check(URL_VARIABLE, "fail", str(error))
    return Check(URL_VARIABLE, "ok", shown)


def _plugins() -> Check:
    from pgvoice.hooks.encoders.registry import registered_encoders
    from pgvoice.hooks.formats.choosing import registered_formats
    from pgvoice.hooks.plugins import installed
    from pgvoice.hooks.sources.resolve import registered_sources

    try:
        found = [each.name for each in installed.listed() if each.distribution != installed.OWN]
        brought: dict[str, Iterable[str]] = {
            "encoders": registered_encoders(),
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
        return Check("data", "ok", "in your own server")
    created = "" if embedded.exists(folder) else ", created now"
    return Check("data", "ok", f"in the embedded server of {folder}{created}")


def _database(url: str | None) -> Iterator[Check]:
    """Whether the server answers, has pgvector, and has tables that this pgvoice can use."""
    from pgvoice.store.database import preparing, schema
    from pgvoice.store.voice_store import VoiceStore

    try:
        with open_database(url) as database, database.engine.connect() as connection:
            version = server_version(connection.dialect.server_version_info)
    except PgvoiceError as error:
        yield Check("database", "fail", str(error))
        return
    yield Check("database", "ok", f"Postgres {version} answers")
    try:
        with VoiceStore.open(url) as store, store.database.engine.connect() as connection:
            yield Check("pgvector", "ok", str(preparing.pgvector_version(connection)))
            yield Check("tables", "ok", f"revision {schema.HEAD}, grid {store.grid_ms} ms")
            yield _roles(connection)
            yield _consent(connection)
    except PgvoiceError as error:
        yield Check("tables", "fail", str(error))


def _roles(connection: Connection) -> Check:
    """Whether they are there, and whether nobody can slip functions under those that they call."""
    from pgvoice.store.database import roles

    lacking, schema = roles.lacking(connection), roles.open_schema(connection)
    if lacking is not None:
        return Check("roles", "warn", lacking)
    if schema is not None:
        return Check(
            "roles",
            "warn",
            f"everybody may create functions beside pgvector's, which pgvoice's then might call:"
            f' have the owner run `REVOKE CREATE ON SCHEMA "{schema}" FROM PUBLIC`',
        )
    return Check("roles", "ok", ", ".join(roles.ROLES))


def _consent(connection: Connection) -> Check:
    from pgvoice.store.privacy import consents, retention

    ended = retention.delete_expired(connection, None, dry_run=True).speakers
    if ended:
        return Check(
            "consent",
            "warn",
            f"ended, and still enrolled: {', '.join(ended)}; `pgvoice retention run` deletes them",
        )
    if not consents.is_required(connection):
        return Check(
            "consent",
            "warn",
            "PEOPLE ARE ENROLLED HERE WITHOUT A CONSENT, and a voiceprint is biometric data:"
            " `pgvoice consent require` asks for one from now on",
        )
    return Check("consent", "ok", "needed to enroll anybody")


def _device() -> Check:
    from pgvoice.hooks.encoders.devices import choose_device

    try:
        return Check("device", "ok", choose_device())
    except EncoderUnavailable as error:
        return Check("device", "warn", f"no model can run here: {error}")
