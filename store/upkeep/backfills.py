"""``VoiceStore.backfills``: which recordings of a manifest are filled, failed or waiting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pgvoice.store.database.connection import Database
from pgvoice.store.keys import SegmentKey
from pgvoice.store.recordings.encoders import EncoderIdentity
from pgvoice.store.upkeep import backfill_rows
from pgvoice.store.upkeep.backfill_rows import BackfillStatus, Document, FailedVideo, Outcome


class Backfills:
    """The state of backfills; each call is a transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def expect(self, name: str, rows: Mapping[str, Document]) -> None:
        """Note the recordings, by key, that a backfill should fill."""
        with self._database.engine.begin() as connection:
            backfill_rows.expect(connection, name, rows)

    def complete(
        self, encoder: EncoderIdentity, asked: Mapping[str, Sequence[SegmentKey]]
    ) -> set[str]:
        """The videos that have all of these segments."""
        with self._database.engine.connect() as connection:
            return backfill_rows.complete(connection, encoder, asked)

    def settle(self, name: str, outcomes: Sequence[Outcome]) -> None:
        """Store the outcomes of recordings."""
        if outcomes:
            with self._database.engine.begin() as connection:
                backfill_rows.settle(connection, name, outcomes)

    def status(self, name: str | None = None) -> list[BackfillStatus]:
        """The progress of one backfill, or of all, by name."""
        with self._database.engine.connect() as connection:
            return backfill_rows.status(connection, name)

    def failed(self, name: str | None = None) -> list[FailedVideo]:
        """The recordings that failed in one backfill, or in all."""
        with self._database.engine.connect() as connection:
            return backfill_rows.failed(connection, name)
