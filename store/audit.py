"""The append-only trail of what was done with voiceprints."""

from __future__ import annotations

import json

from sqlalchemy import Connection, text


def record(connection: Connection, action: str, subject: str, **details: object) -> None:
    """Add one row, in the transaction of what it tells of; `details` must hold no vector."""
    connection.execute(
        text(
            "INSERT INTO pgvoice.audit_event (action, subject, details)"
            " VALUES (:action, :subject, CAST(:details AS jsonb))"
        ),
        {"action": action, "subject": subject, "details": json.dumps(details)},
    )
