"""Whether the database can be used, and by whom."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from sqlalchemy import Connection

from pgvoice.cli import output
from pgvoice.cli.answers.index import advice_on
from pgvoice.cli.checks.answering import check_answering
from pgvoice.cli.checks.check import Check
from pgvoice.cli.db import place
from pgvoice.cli.db.db import server_version
from pgvoice.store.database import embedded, exposure, preparing, roles, schema
from pgvoice.store.database.connection import open_database
from pgvoice.store.errors import PgvectorOutdated, PgvoiceError, PrivilegeMissing
from pgvoice.store.voice_store import VoiceStore


def _place(url: str | None) -> Check:
    folder = place.embedded_folder(url)
    if folder is None:
        return Check("data", "ok", "on your own server")
    created = "" if embedded.exists(folder) else ", created now"
    return Check("data", "ok", f"on the embedded server in {folder}{created}")


def check_database(url: str | None) -> Iterator[Check]:
    """Whether the server answers, has pgvector, and has tables that this version can use."""
    yield _place(url)
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
            yield _user(connection)
            yield _consent(store)
            yield _linking(store)
            yield _index(store)
            yield from check_answering(store)
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


def _user(connection: Connection) -> Check:
    """Whether this user may fill; a user who only reads is warned."""
    lacking = roles.lacking_to_fill(connection)
    return Check("user", "ok" if lacking is None else "warn", lacking or "may fill")


def _consent(store: VoiceStore) -> Check:
    try:
        ended = store.privacy.delete_expired(dry_run=True).speakers
    except PrivilegeMissing:
        return Check("consent", "warn", "not checked, which needs the role pgvoice_admin")
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


def _linking(store: VoiceStore) -> Check:
    """Whether unknown voices are linked, how many there are, and when they expire."""
    settings = store.voices.settings()
    if not settings.enabled:
        return Check("linking", "ok", "off: voices of people who are not enrolled are not linked")
    found = [each for out in (False, True) for each in store.voices.unknown(dismissed=out)]
    expiry = timedelta(days=settings.days)
    first = min((each.heard_at + expiry for each in found), default=None)
    next_to_go = "" if first is None else f", the first on {output.day(first)}"
    return Check(
        "linking",
        "ok",
        f"on, for people who were not asked: {output.counted(len(found), 'unknown voice')}, deleted"
        f" {settings.days:,} days after they were heard last{next_to_go}",
    )


def _index(store: VoiceStore) -> Check:
    """Whether searches are as fast as an index makes them."""
    lines = advice_on(store)
    return Check("index", "warn" if lines else "ok", "; ".join(lines) or "none is worth building")
