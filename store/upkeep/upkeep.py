"""``VoiceStore.upkeep``: checks a store, and copies it to another database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from pgvoice.store.database import schema
from pgvoice.store.database.connection import Database, open_database, without_password
from pgvoice.store.privacy import audit
from pgvoice.store.recordings import encoders
from pgvoice.store.recordings.encoders import WhichEncoder
from pgvoice.store.upkeep import store_copy, table_rows, verifying
from pgvoice.store.upkeep.table_rows import TableSum
from pgvoice.store.upkeep.verifying import SampledSegment, StoreCheck


class Upkeep:
    """Checks, checksums and copies of the whole store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def verify(self, *, sample: int = verifying.SAMPLE) -> list[StoreCheck]:
        """Check the store; computes `sample` of the kept comparisons again."""
        with self._database.engine.connect() as connection:
            return verifying.verify(connection, sample)

    def sample_vectors(self, number: int, *, encoder: WhichEncoder = None) -> list[SampledSegment]:
        """Randomly chosen vectors, to compute them again and compare; by video and time."""
        with self._database.engine.connect() as connection:
            found = encoders.find(connection, encoder)
            return verifying.sampled(connection, found.id, number)

    def checksums(self) -> list[TableSum]:
        """Count and checksum of every table at one moment; equal for stores with equal rows."""
        with self._snapshot() as connection:
            return table_rows.all_summed(connection)

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
            where = without_password(target.url).render_as_string()
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
