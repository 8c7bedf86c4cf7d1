"""The trail of what was done with voiceprints, and the chain of hashes that shows edits."""

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

    @property
    def on_behalf_of(self) -> str | None:
        """For whom the user said that it was done (`VoiceStore.on_behalf_of`)."""
        claimed = self.details.get("on_behalf_of")
        return claimed if isinstance(claimed, str) else None


def record(connection: Connection, action: str, subject: str, **details: object) -> None:
    """Add an event in the transaction of the action; `details` must not contain a vector.

    Only for what changes no row, or to say more than the triggers of the tables, which note every
    change by themselves; then before the change, as they do not repeat what was said.
    """
    connection.execute(
        text("SELECT pgvoice_internal.note(:action, :subject, CAST(:details AS jsonb))"),
        {"action": action, "subject": subject, "details": json.dumps(details)},
    )
