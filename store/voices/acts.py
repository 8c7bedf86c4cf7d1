"""``VoiceStore.acts``: what people did, and undoing it."""

from __future__ import annotations

import json

from sqlalchemy import Connection, text

from pgvoice.store.database.connection import Database


class Acts:
    """What people did, and undoing it."""

    def __init__(self, database: Database) -> None:
        self._database = database


def begin(connection: Connection, kind: str, subject: str, **details: object) -> int:
    """Begin an act, which lasts until the transaction ends; one that has begun goes on."""
    values = {"kind": kind, "subject": subject, "details": json.dumps(details)}
    number: int = connection.scalar(_BEGIN, values)
    return number


_BEGIN = text("SELECT pgvoice_internal.begin_act(:kind, :subject, CAST(:details AS jsonb))")
