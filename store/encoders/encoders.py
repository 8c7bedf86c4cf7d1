"""``VoiceStore.encoders``: which encoder answers, and moving a library to another one."""

from __future__ import annotations

import builtins
from collections.abc import Iterator, Sequence

from sqlalchemy import Connection

from pgvoice.store.database.connection import Database
from pgvoice.store.encoders import carrying, comparing, default, dropping, exporting, importing
from pgvoice.store.encoders.carrying import Carried, ExemplarVector, LostExemplar
from pgvoice.store.encoders.comparing import Confirmed
from pgvoice.store.encoders.default import Unfilled
from pgvoice.store.encoders.dropping import Dropped
from pgvoice.store.encoders.exporting import RecordingVectors
from pgvoice.store.encoders.importing import VectorsImport, VectorsImported
from pgvoice.store.labels.runs import LabelMove
from pgvoice.store.recordings import encoders, fills
from pgvoice.store.recordings.encoders import (
    EncoderIdentity,
    StoredEncoder,
    Threshold,
    WhichEncoder,
)


class Encoders:
    """The encoders that a store has vectors of; each call is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self) -> list[StoredEncoder]:
        """Every registered encoder, oldest first."""
        with self._database.engine.connect() as connection:
            return encoders.stored(connection)

    def find(self, which: WhichEncoder = None) -> StoredEncoder:
        """The stored encoder that `which` means, by default the one that answers.

        Raises `UnknownEncoder`.
        """
        with self._database.engine.connect() as connection:
            return encoders.find(connection, which)

    def register(self, identity: EncoderIdentity, threshold: Threshold) -> StoredEncoder:
        """Register an encoder before anything is filled with it; a known one is returned."""
        with self._database.engine.begin() as connection:
            encoders.ensure(connection, identity, threshold)
            return encoders.find(connection, identity)

    def unfilled(
        self, encoder: WhichEncoder, *, like: WhichEncoder = None
    ) -> builtins.list[Unfilled]:
        """The recordings with segments of `like` that have no row of `encoder`, by key."""
        with self._database.engine.connect() as connection:
            return default.unfilled(connection, *self._both(connection, encoder, like))

    def carry(self, encoder: WhichEncoder, *, like: WhichEncoder = None) -> Carried:
        """Give `encoder` what people said with `like`: exemplars and unknown voices.

        Exemplars whose span has a vector of `encoder` are copied, and voices belong to the unknown
        voices that they belong to with `like`. Safe to repeat.
        """
        with self._database.engine.begin() as connection:
            return carrying.carry(connection, *self._both(connection, encoder, like))

    def missing_exemplars(
        self, encoder: WhichEncoder, *, like: WhichEncoder = None
    ) -> builtins.list[LostExemplar]:
        """The exemplars of `like` that `encoder` lacks, so that they can be computed from audio."""
        with self._database.engine.connect() as connection:
            return carrying.missing(connection, *self._both(connection, encoder, like))

    def add_exemplars(self, encoder: WhichEncoder, vectors: Sequence[ExemplarVector]) -> int:
        """Store vectors of `encoder` for exemplars of another one; returns how many are new."""
        with self._database.engine.begin() as connection:
            return carrying.add(connection, encoders.find(connection, encoder), vectors)

    def unrecognised_opt_outs(self, encoder: WhichEncoder = None) -> int:
        """How many people opted out by their voice whom only other encoders can recognise."""
        with self._database.engine.connect() as connection:
            return carrying.unrecognised_opt_outs(connection, encoders.find(connection, encoder))

    def changes(
        self, encoder: WhichEncoder, *, like: WhichEncoder = None
    ) -> builtins.list[LabelMove]:
        """How stored labels of `like` differ from those of `encoder`: what a switch changes."""
        with self._database.engine.connect() as connection:
            return comparing.changes(connection, *self._both(connection, encoder, like))

    def confirmed(self, encoder: WhichEncoder = None) -> Confirmed:
        """How an encoder judges the segments that a person named, as if nobody had."""
        with self._database.engine.connect() as connection:
            return comparing.confirmed(connection, encoders.find(connection, encoder))

    def make_default(
        self, encoder: WhichEncoder, *, instead_of: WhichEncoder = None
    ) -> StoredEncoder:
        """Let `encoder` answer from now on unless another one is named; returns the one before.

        Raises `EncoderInUse`, and changes nothing, if that is another one than `instead_of`.
        """
        with self._database.engine.begin() as connection:
            before = None if instead_of is None else encoders.find(connection, instead_of)
            return default.make_default(connection, encoders.find(connection, encoder), before)

    def before(self) -> StoredEncoder | None:
        """The encoder that answered before the one that does; None if there is none."""
        with self._database.engine.connect() as connection:
            return default.before(connection)

    def drop(self, encoder: WhichEncoder, *, force: bool = False) -> Dropped:
        """Delete an encoder with its vectors, profiles, labels and thresholds.

        Raises `EncoderInUse` for the one that answers, and unless `force`, if that would lose what
        no other encoder has.
        """
        with self._database.engine.begin() as connection:
            return dropping.drop(connection, encoders.find(connection, encoder), force=force)

    def import_vectors(self, given: VectorsImport, *, dry_run: bool = False) -> VectorsImported:
        """Store vectors that another engine computed of a recording, under its own encoder.

        Waits for fills of the recording, and makes their turns of segments with labels if there are
        none. Speech that was erased is left out. Raises `VectorsRefused` for what is no vector or
        span, and for segments that are stored with another vector.
        """
        with (
            fills.holding(self._database.unpooled.connect(), given.video),
            self._database.engine.connect() as connection,
            connection.begin() as transaction,
        ):
            done = importing.store(connection, given)
            if dry_run:
                transaction.rollback()
            return done

    def export_vectors(
        self,
        videos: Sequence[str] | None = None,
        *,
        encoder: WhichEncoder = None,
        destination: str,
    ) -> Iterator[RecordingVectors]:
        """The vectors of these recordings' segments, or of all, a recording at a time.

        For admins, as they are voiceprints. The audit trail has each recording and `destination`
        before this returns. Raises `UnknownVideo`, `UnknownEncoder`.
        """
        with self._database.engine.begin() as connection:
            found = encoders.find(connection, encoder)
            chosen = exporting.begin(connection, found, videos, destination)
        return self._exported(found, chosen)

    def _exported(
        self, encoder: StoredEncoder, videos: Sequence[str]
    ) -> Iterator[RecordingVectors]:
        for video in videos:
            with self._database.engine.connect() as plain:
                connection = plain.execution_options(isolation_level="REPEATABLE READ")
                yield exporting.read(connection, encoder, video)

    @staticmethod
    def _both(
        connection: Connection, encoder: WhichEncoder, like: WhichEncoder
    ) -> tuple[StoredEncoder, StoredEncoder]:
        return encoders.find(connection, encoder), encoders.find(connection, like)
