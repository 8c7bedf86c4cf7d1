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
@click.option("--head", is_flag=True, help="Show the hash of the trail, to be noted elsewhere.")
@options.wide_option
@options.store_options
def audit(store: VoiceStore, subject: str | None, limit: int, head: bool, as_json: bool) -> None:
    """Show what was done with voiceprints, newest first.

    Lists enrollments, stored labels, exports, erasures and the like, with the database user who did
    it; before that, the person for whom that user says that it was done. SUBJECT is a person or a
    recording; without it, all entries are listed. Entries contain no vectors. Nobody but the owner
    of the tables can change or delete them, and `pgvoice db verify` finds where that was done. If
    the owner rewrites the whole trail, it finds that only with a hash that was noted before:
    `pgvoice db verify --audit-head HASH`.
    """
    if head:
        found_head = store.privacy.audit_head()
        if as_json:
            output.write_json({"head": found_head})
        else:
            click.echo(found_head or "the audit trail is empty")
        return
    found = store.privacy.audit(subject, limit=limit)
    columns = (
        "at",
        output.optional("by", 1),
        "action",
        output.person("subject"),
        output.explanation("details"),
    )
    output.write_list(found, as_json, columns, _row, "the audit trail is empty")


def _row(event: AuditEvent) -> tuple[str, ...]:
    return (
        f"{event.at.astimezone():%Y-%m-%d %H:%M}",
        output.author(event.actor, event.on_behalf_of),
        event.action,
        event.subject,
        details_told(event),
    )


def details_told(event: AuditEvent) -> str:
    """What the trail says beside the subject, as names and values."""
    return ", ".join(
        f"{name} {json.dumps(value)}"
        for name, value in event.details.items()
        if name != "on_behalf_of"
    )
