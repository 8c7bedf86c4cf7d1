"""``VoiceStore.upkeep``: checks a store, and copies it to another database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection, text

from pgvoice.store.database import schema
from pgvoice.store.database.connection import Database, open_database
from pgvoice.store.database.urls import libpq_url
from pgvoice.store.keys import SegmentKey
from pgvoice.store.privacy import audit
from pgvoice.store.recordings import encoders
from pgvoice.store.recordings.encoders import WhichEncoder
from pgvoice.store.recordings.segment_rows import SegmentRow
from pgvoice.store.upkeep import store_copy
from pgvoice.store.upkeep.store_copy import TableSum

#: How many of the kept comparisons are computed again.
SAMPLE = 10_000


@dataclass(frozen=True, slots=True)
class StoreCheck:
    """The result of one check."""

    what: str
    looked_at: int
    problems: int
    #: One of the problems; None if there are none.
    example: str | None


@dataclass(frozen=True, slots=True)
class SampledSegment:
    """A stored vector, and the audio that it was computed from."""

    video: str
    #: The file name at that time.
    source: str | None
    audio_sha256: str | None
    row: SegmentRow


class Upkeep:
    """Checks, checksums and copies of the whole store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def verify(self, *, sample: int = SAMPLE, audit_head: str | None = None) -> list[StoreCheck]:
        """The results of all checks; one of them computes `sample` kept comparisons again.

        `audit_head` is a hash that ``privacy.audit_head`` returned earlier: only with it is a trail
        found that its owner has written anew from the beginning.
        """
        with self._database.engine.connect() as connection:
            rows = connection.execute(
                text("SELECT * FROM pgvoice.verify(:sample, :head)"),
                {"sample": sample, "head": audit_head},
            )
            return [StoreCheck(*row) for row in rows]

    def sample_vectors(self, number: int, *, encoder: WhichEncoder = None) -> list[SampledSegment]:
        """Randomly chosen vectors, to compute them again and compare; by video and time."""
        with self._database.engine.connect() as connection:
            found = encoders.find(connection, encoder)
            rows = connection.execute(text(_SAMPLED), {"encoder": found.id, "number": number})
            return [
                SampledSegment(
                    row.key,
                    row.source,
                    row.audio_sha256,
                    SegmentRow(SegmentKey(*row[3:5]), row[5], np.asarray(row[6], np.float32)),
                )
                for row in rows
            ]

    def checksums(self) -> list[TableSum]:
        """Count and checksum of every table at one moment; equal for stores with equal rows."""
        with self._snapshot() as connection:
            return [store_copy.summed(connection, table) for table in store_copy.TABLES]

    def copy_to(
        self, url: str, *, on_progress: store_copy.OnProgress | None = None
    ) -> list[TableSum]:
        """Copy everything into the database at `url` and compare it, in one transaction there.

        This creates missing tables, roles and rights there, but no indexes for search. Both users
        must own the tables. `on_progress` takes (done, total) rows. Raises `TargetInUse`,
        `CopyDiffers` and, for either database, `DatabaseError` in one of its kinds.
        """
        with open_database(url) as target:
            with self._database.engine.connect() as connection:
                store_copy.prepare(target, schema.state(connection))
            with self._snapshot() as source, target.unpooled.begin() as there:
                sums = store_copy.copy(source, there, on_progress)
            where = libpq_url(target.url)
        with self._database.engine.begin() as connection:
            audit.record(connection, "copy", where, rows=sum(each.rows for each in sums))
        return sums

    @contextmanager
    def _snapshot(self) -> Iterator[Connection]:
        """A new connection that sees the database as of its first statement."""
        with self._database.unpooled.connect() as connection:
            yield connection.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )


_SAMPLED = """
SELECT v.key, v.source, v.audio_sha256, s.start_ms, s.end_ms, s.status, CAST(s.embedding AS real[])
FROM (
    SELECT video_id, start_ms, end_ms, encoder_id FROM pgvoice.segment_embedding
    WHERE encoder_id = :encoder AND embedding IS NOT NULL ORDER BY random() LIMIT :number
) AS chosen
JOIN pgvoice.segment_embedding AS s USING (video_id, start_ms, end_ms, encoder_id)
JOIN pgvoice.video AS v ON v.id = s.video_id
ORDER BY v.key, s.start_ms, s.end_ms
"""
