"""``VoiceStore.index``: the index that makes `similar` fast in a large library."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from pgvoice.store.answers import index_building, indexes
from pgvoice.store.answers.index_building import BuildReport, OnProgress
from pgvoice.store.answers.indexes import BuildMemory, IndexStatus
from pgvoice.store.database.connection import Database
from pgvoice.store.database.sessions import keep_open
from pgvoice.store.recordings import encoders
from pgvoice.store.recordings.encoders import WhichEncoder


class SegmentIndex:
    """The vector index of each encoder's segments."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def status(self, *, rough: bool = False) -> list[IndexStatus]:
        """The state of each encoder's index.

        This counts all segments; if `rough`, only as many as it takes to say what is worth
        building.
        """
        with self._database.engine.connect() as connection:
            return indexes.status(connection, rough=rough)

    def build(
        self,
        encoder: WhichEncoder = None,
        *,
        memory: str | None = None,
        workers: int | None = None,
        on_progress: OnProgress | None = None,
        anew: bool = False,
    ) -> BuildReport:
        """Build the index of the segments that an encoder has now, while others fill and search.

        Does nothing if there is one that is not outgrown, unless `anew`. Segments that are stored
        later are compared one by one.

        `memory` is Postgres' ``maintenance_work_mem``, such as ``2GB``; `workers` is the number of
        parallel worker processes. Raises `IndexBusy` and `SchemaForbidden`.
        """
        with (
            self._locked(),
            self._statement_by_statement() as connection,
            self._statement_by_statement() as other,
        ):
            found = encoders.find(connection, encoder)
            return index_building.build(
                connection, other, found, memory, workers, on_progress, anew=anew
            )

    def memory(self, encoder: WhichEncoder = None) -> BuildMemory:
        """What a build needs and takes."""
        with self._database.engine.connect() as connection:
            found = encoders.find(connection, encoder)
            return indexes.build_memory(connection, found.id)

    def drop(self, encoder: WhichEncoder = None) -> int:
        """Drop the index of an encoder's segments; returns how many tables had one."""
        with self._locked(), self._statement_by_statement() as connection:
            found = encoders.find(connection, encoder)
            return index_building.drop(connection, found.id)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Lock out other builds. Raises `IndexBusy`.

        A build waits for transactions with older snapshots; READ COMMITTED keeps none.
        """
        with self._database.unpooled.connect() as connection:
            connection = connection.execution_options(isolation_level="READ COMMITTED")
            keep_open(connection)
            with index_building.explained():
                indexes.hold(connection)
            yield

    @contextmanager
    def _statement_by_statement(self) -> Iterator[Connection]:
        """A connection of its own, in autocommit mode, whose settings end with it."""
        with self._database.unpooled.connect() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")
