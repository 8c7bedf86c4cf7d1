"""``VoiceStore.voices``: unknown voices, linked across recordings, and naming them."""

from __future__ import annotations

from pgvoice.store.database.connection import Database


class Voices:
    """Unknown voices: find, hear and name them."""

    def __init__(self, database: Database) -> None:
        self._database = database
