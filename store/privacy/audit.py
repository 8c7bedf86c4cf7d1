"""The append-only trail of what was done with voiceprints."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """What somebody did; never holds a vector."""

    id: int
    at: datetime
    #: The user of the database.
    actor: str
    action: str
    #: Of whom or what: a speaker's name, a video's key.
    subject: str
    details: dict[str, object]


def record(connection: Connection, action: str, subject: str, **details: object) -> None:
    """Add one row, in the transaction of what it tells of; `details` must hold no vector."""
    connection.execute(
        text(
            "INSERT INTO pgvoice.audit_event (action, subject, details)"
            " VALUES (:action, :subject, CAST(:details AS jsonb))"
        ),
        {"action": action, "subject": subject, "details": json.dumps(details)},
    )


def trail(connection: Connection, subject: str | None, limit: int | None) -> list[AuditEvent]:
    """What was done, the newest first; of one subject, or of all."""
    rows = connection.execute(
        text(
            "SELECT id, at, actor, action, subject, details FROM pgvoice.audit_event"
            " WHERE CAST(:subject AS text) IS NULL OR subject = :subject"
            " ORDER BY id DESC LIMIT :limit"
        ),
        {"subject": subject, "limit": limit},
    )
    return [AuditEvent(*row) for row in rows]
