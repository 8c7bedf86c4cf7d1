"""Consent: who agreed to be enrolled, to what end, and until when."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from pgvoice.store.database.failures import sqlstate
from pgvoice.store.errors import ConsentMissing, OptedOut
from pgvoice.store.people import enrollments, speakers
from pgvoice.store.privacy import audit

PURPOSE = "speaker identification"
#: How the triggers of `enrollment` and `speaker` say no.
_NO_CONSENT, _OPTED_OUT = "PV001", "PV002"


@dataclass(frozen=True, slots=True)
class Consent:
    """What a person agreed to; times without a zone are the server's."""

    granted_by: str
    purpose: str = PURPOSE
    #: Where it is written down.
    evidence: str | None = None
    #: None is now.
    granted_at: datetime | None = None
    #: None is never.
    expires_at: datetime | None = None
    withdrawn_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class StoredConsent:
    """A consent, and whose it is."""

    speaker: str
    consent: Consent
    #: Neither withdrawn nor expired.
    counts: bool


def grant(connection: Connection, name: str, consent: Consent | str) -> None:
    """Keep a consent of a speaker, created if new; a text is their own word, and its evidence.

    Raises `OptedOut`, and `ValueError` where it is not said who agreed, or to what.
    """
    if isinstance(consent, str):
        consent = Consent(name, evidence=consent)
    for what, said in (("who agreed", consent.granted_by), ("to what", consent.purpose)):
        if not said.strip():
            raise ValueError(f"the consent of {name!r} does not say {what}")
    keep(connection, enrollments.ensure(connection, name), consent)
    audit.record(
        connection,
        "consent",
        name,
        granted_by=consent.granted_by,
        purpose=consent.purpose,
        until=consent.expires_at and str(consent.expires_at),
    )


def keep(connection: Connection, speaker_id: int, consent: Consent) -> None:
    """Once, however often it comes."""
    connection.execute(
        text(
            "INSERT INTO pgvoice.consent (speaker_id, granted_by, purpose, evidence, granted_at,"
            " expires_at, withdrawn_at) SELECT :speaker, :granted_by, :purpose, :evidence,"
            " coalesce(CAST(:granted_at AS timestamptz), now()), CAST(:expires_at AS timestamptz),"
            " CAST(:withdrawn_at AS timestamptz) WHERE NOT EXISTS (SELECT FROM pgvoice.consent c"
            " WHERE c.speaker_id = :speaker AND c.granted_by = :granted_by"
            " AND c.purpose = :purpose AND c.granted_at = CAST(:granted_at AS timestamptz))"
        ),
        asdict(consent) | {"speaker": speaker_id},
    )


def withdraw(connection: Connection, name: str) -> int:
    """End every consent of a speaker, and delete the voice that was enrolled.

    The name and the labels that were kept stay; erasing takes them, too. Returns how many exemplars
    went. Raises `UnknownSpeaker`.
    """
    ids = {"id": speakers.require(connection, name, lock=True)}
    connection.execute(
        text(
            "UPDATE pgvoice.consent SET withdrawn_at = now()"
            " WHERE speaker_id = :id AND withdrawn_at IS NULL"
        ),
        ids,
    )
    exemplars = forget_voice(connection, ids["id"])
    audit.record(connection, "withdraw consent", name, exemplars=exemplars)
    return exemplars


def forget_voice(connection: Connection, speaker_id: int) -> int:
    """Delete a speaker's exemplars and profiles; returns how many exemplars there were."""
    ids = {"id": speaker_id}
    connection.execute(text("DELETE FROM pgvoice.profile WHERE speaker_id = :id"), ids)
    return connection.execute(
        text("DELETE FROM pgvoice.enrollment WHERE speaker_id = :id"), ids
    ).rowcount


def of(connection: Connection, speaker_id: int) -> tuple[Consent, ...]:
    """All of a speaker, the oldest first."""
    rows = connection.execute(
        text(
            "SELECT granted_by, purpose, evidence, granted_at, expires_at, withdrawn_at"
            " FROM pgvoice.consent WHERE speaker_id = :id ORDER BY id"
        ),
        {"id": speaker_id},
    )
    return tuple(Consent(*row) for row in rows)


def stored(connection: Connection, name: str | None) -> list[StoredConsent]:
    """Those of a speaker, or of everybody, by name. Raises `UnknownSpeaker`."""
    if name is not None:
        speakers.require(connection, name)
    rows = connection.execute(
        text(
            "SELECT s.name, c.granted_by, c.purpose, c.evidence, c.granted_at, c.expires_at,"
            " c.withdrawn_at, c.withdrawn_at IS NULL"
            " AND (c.expires_at IS NULL OR c.expires_at > now())"
            " FROM pgvoice.consent c JOIN pgvoice.speaker s ON s.id = c.speaker_id"
            " WHERE CAST(:name AS text) IS NULL OR s.name = :name ORDER BY s.name, c.id"
        ),
        {"name": name},
    )
    return [StoredConsent(whose, Consent(*said), counts) for whose, *said, counts in rows]


def is_required(connection: Connection) -> bool:
    """Whether nobody is enrolled without a consent."""
    required: bool = connection.scalar(text("SELECT consent_required FROM pgvoice.setting"))
    return required


def require(connection: Connection, *, required: bool) -> None:
    """Ask for a consent from now on, or for none; who is enrolled stays."""
    connection.execute(
        text("SELECT pgvoice_internal.require_consent(:required)"), {"required": required}
    )
    audit.record(connection, "require consent", "the store", required=required)


@contextmanager
def refusals(name: str) -> Iterator[None]:
    """What the triggers refuse, in words: `ConsentMissing` and `OptedOut`."""
    try:
        yield
    except DBAPIError as error:
        state = sqlstate(error)
        if state == _NO_CONSENT:
            raise ConsentMissing(name) from error
        if state == _OPTED_OUT:
            raise OptedOut(name) from error
        raise
