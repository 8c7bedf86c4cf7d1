"""The append-only trail of what was done with voiceprints."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """Something that a database user did; never contains a vector."""

    id: int
    at: datetime
    #: The database user.
    actor: str
    action: str
    #: A speaker's name, a video's key, or what else was affected.
    subject: str
    details: dict[str, object]


def record(connection: Connection, action: str, subject: str, **details: object) -> None:
    """Add a row in the transaction of the action; `details` must not contain a vector."""
    connection.execute(
        text(
            "INSERT INTO pgvoice.audit_event (action, subject, details)"
            " VALUES (:action, :subject, CAST(:details AS jsonb))"
        ),
        {"action": action, "subject": subject, "details": json.dumps(details)},
    )
