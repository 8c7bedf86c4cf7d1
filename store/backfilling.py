"""``VoiceStore.backfills``: what is known of the recordings of manifests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Engine

from pgvoice.store import backfills
from pgvoice.store.backfills import BackfillStatus, Document, FailedVideo, Outcome
from pgvoice.store.encoders import EncoderIdentity
from pgvoice.store.keys import SegmentKey


class Backfills:
    """State of backfills; each call is a transaction."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def expect(self, name: str, rows: Mapping[str, Document]) -> None:
        """Note the recordings, by key, that a backfill is to fill."""
        with self._engine.begin() as connection:
            backfills.expect(connection, name, rows)

    def complete(
        self, encoder: EncoderIdentity, asked: Mapping[str, Sequence[SegmentKey]]
    ) -> set[str]:
        """Of these videos those that miss nothing."""
        with self._engine.connect() as connection:
            return backfills.complete(connection, encoder, asked)

    def settle(self, name: str, outcomes: Sequence[Outcome]) -> None:
        """Keep what came of recordings."""
        if outcomes:
            with self._engine.begin() as connection:
                backfills.settle(connection, name, outcomes)

    def status(self, name: str | None = None) -> list[BackfillStatus]:
        """How far a backfill is, or every one, by name."""
        with self._engine.connect() as connection:
            return backfills.status(connection, name)

    def failed(self, name: str | None = None) -> list[FailedVideo]:
        """What could not be filled, of a backfill or of all."""
        with self._engine.connect() as connection:
            return backfills.failed(connection, name)
