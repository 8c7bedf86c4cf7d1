"""``pgvoice audit``: what was done with voiceprints."""

from __future__ import annotations

import json

import click

from pgvoice.cli import options, output
from pgvoice.store.privacy.audit import AuditEvent
from pgvoice.store.voice_store import VoiceStore


@click.command(epilog="Example: pgvoice audit Ada")
@click.argument("subject", required=False)
@options.integer("--limit", 1, "Show at most this many entries.", 50)
@options.store_options
def audit(store: VoiceStore, subject: str | None, limit: int, as_json: bool) -> None:
    """Show what was done with voiceprints, newest first.

    Lists enrollments, stored labels, exports, erasures and the like, with the database user who did
    it. SUBJECT is a person or a recording; without it, all entries are listed. Entries cannot be
    changed or deleted and contain no vectors.
    """
    found = store.privacy.audit(subject, limit=limit)
    columns = ("at", "by", "action", "subject", "details")
    output.write_list(found, as_json, columns, _row, "the audit trail is empty")


def _row(event: AuditEvent) -> tuple[str, ...]:
    details = ", ".join(f"{name} {json.dumps(value)}" for name, value in event.details.items())
    return (
        f"{event.at.astimezone():%Y-%m-%d %H:%M}",
        event.actor,
        event.action,
        event.subject,
        details,
    )
