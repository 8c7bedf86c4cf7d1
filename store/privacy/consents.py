"""Consent: who agreed to be enrolled, for what purpose, and until when."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from pgvoice.store.database.failures import ERASED, first_line, speech_erased, sqlstate
from pgvoice.store.errors import ConsentMissing, OptedOut
from pgvoice.store.moments import require_zone
from pgvoice.store.people import enrollments

#: The columns of a `Consent`, in order.
COLUMNS = "granted_by, purpose, evidence, granted_at, expires_at, withdrawn_at"
PURPOSE = "speaker identification"
#: The SQLSTATEs with which triggers refuse a row.
_NO_CONSENT, _OPTED_OUT, _UNCHANGEABLE = "PV001", "PV002", "PV004"


@dataclass(frozen=True, slots=True)
class Consent:
    """What a person agreed to. Raises `ValueError` for a time without a zone."""

    granted_by: str
    purpose: str = PURPOSE
    #: Where the consent is written down.
    evidence: str | None = None
    #: None means now.
    granted_at: datetime | None = None
    #: None means never.
    expires_at: datetime | None = None
    withdrawn_at: datetime | None = None

    def __post_init__(self) -> None:
        for what in ("granted_at", "expires_at", "withdrawn_at"):
            require_zone(getattr(self, what), f"the consent's {what}")


@dataclass(frozen=True, slots=True)
class StoredConsent:
    """A speaker's consent."""

    speaker: str
    consent: Consent
    #: Whether it has not expired and was granted after the last withdrawal.
    valid: bool


def grant(connection: Connection, name: str, consent: Consent | str) -> None:
    """Store a speaker's consent; a text says where the person's own is written down."""
    meant = checked(name, consent)
    keep(connection, enrollments.ensure(connection, name), meant)


def checked(name: str, consent: Consent | str) -> Consent:
    """A speaker's consent; raises `ValueError` if it does not say who agreed, or to what."""
    if isinstance(consent, str):
        consent = Consent(name, evidence=consent)
    for what, said in (("who agreed", consent.granted_by), ("to what", consent.purpose)):
        if not said.strip():
            raise ValueError(f"the consent of {name!r} does not say {what}")
    return consent


def keep(connection: Connection, speaker_id: int, consent: Consent) -> None:
    """Store a consent unless the speaker already has the same one."""
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


def withdraw(connection: Connection, speaker_id: int, name: str) -> None:
    """End a speaker's consents; without any on record, note one that is withdrawn."""
    ids = {"id": speaker_id, "name": name, "purpose": PURPOSE}
    for statement in (
        "UPDATE pgvoice.consent SET withdrawn_at = now()"
        " WHERE speaker_id = :id AND withdrawn_at IS NULL",
        "INSERT INTO pgvoice.consent (speaker_id, granted_by, purpose, withdrawn_at)"
        " SELECT :id, :name, :purpose, now()"
        " WHERE NOT EXISTS (SELECT FROM pgvoice.consent WHERE speaker_id = :id)",
    ):
        connection.execute(text(statement), ids)


def forget_voice(connection: Connection, speaker_id: int) -> int:
    """Delete a speaker's exemplars and profiles; returns the number of exemplars.

    Triggers note where the person speaks, as erasing needs it later.
    """
    ids = {"id": speaker_id}
    exemplars = connection.execute(
        text("DELETE FROM pgvoice.enrollment WHERE speaker_id = :id"), ids
    ).rowcount
    connection.execute(text("DELETE FROM pgvoice.profile WHERE speaker_id = :id"), ids)
    return exemplars


def of(connection: Connection, speaker_id: int) -> tuple[Consent, ...]:
    """A speaker's consents, the oldest first."""
    rows = connection.execute(
        text(
            f"SELECT {COLUMNS} FROM pgvoice.consent WHERE speaker_id = :id ORDER BY id"  # noqa: S608
        ),
        {"id": speaker_id},
    )
    return tuple(Consent(*row) for row in rows)


@contextmanager
def refusals(name: str) -> Iterator[None]:
    """Turn the triggers' refusals into `ConsentMissing`, `OptedOut`, `SpeechErased`.

    Raises `ValueError` for a consent that cannot be stored.
    """
    try:
        yield
    except DBAPIError as error:
        state = sqlstate(error)
        if state == _NO_CONSENT:
            raise ConsentMissing(
                f"{name!r} has no valid consent on record: say where they agreed (--consent, or"
                " `pgvoice consent grant`); `pgvoice db upgrade --no-consent` creates a store that"
                " requires none"
            ) from error
        if state == _OPTED_OUT:
            raise OptedOut(
                f"{name!r} has the name or the voice of somebody who was erased and asked not to be"
                " enrolled again: if they want to be enrolled now, run `pgvoice erase allow`"
            ) from error
        if state == ERASED and error.orig:
            raise speech_erased(error.orig) from error
        if state == _UNCHANGEABLE and error.orig:
            raise ValueError(f"the consent of {name!r}: {first_line(error.orig)}") from error
        raise
