"""Consents whose end has come, as if time had passed."""

from __future__ import annotations

from pgvoice.store import VoiceStore
from pgvoice_testkit.servers.databases import run

_ENDED = "now() - interval '1 s'"


def let_expire(store: VoiceStore, speaker: str) -> None:
    """Move the end of a speaker's consents to a second ago, wherever the store has noted it.

    The triggers are off meanwhile, as they do not run either when time passes.
    """
    of = f"(SELECT id FROM pgvoice.speaker WHERE name = '{speaker}')"
    tables = ("consent", "profile")
    run(
        store.database.engine,
        *(f"ALTER TABLE pgvoice.{table} DISABLE TRIGGER USER" for table in tables),
        f"UPDATE pgvoice.profile SET valid_until = {_ENDED} WHERE speaker_id = {of} AND valid_until"
        f" = (SELECT max(expires_at) FROM pgvoice.consent WHERE speaker_id = {of})",
        f"UPDATE pgvoice.consent SET expires_at = {_ENDED} WHERE speaker_id = {of}",
        *(f"ALTER TABLE pgvoice.{table} ENABLE TRIGGER USER" for table in tables),
    )
