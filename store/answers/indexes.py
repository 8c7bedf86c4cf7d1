"""The index that serves search over segments: what there is of it, building it, dropping it.

It holds vectors as ``halfvec``, 16 bits an element. Measured on 100,000 synthetic segments of 192
elements, with 16 links, built by two processes in 14 s either way: 66 MB as halfvec, 112 MB as
vector, with recall and times alike (95.9 % and 95.8 % of the 100 nearest at an ``ef_search`` of
200). What is found is ranked by the full vectors, so similarities and their order are exact.

24 links, not 16, as voices are clusters: among a million segments, with an ``ef_search`` of 110, 2
of 200 searches ended in a cluster of somebody else, not 10; of the 100 nearest 98 % were found, not
94 (99.3 and 96.3 % among 100,000). The build took 243 s instead of 160, the index 781 MB instead of
662, and inserting 3,000 segments more takes 9.9 s instead of 4.8: many come before the index. 32
links found as much, and took 375 s. With an ``ef_construction`` of 96 instead of 128 the build took
217 s, and 4 searches went astray.

Each part of a table in parts has an index of its own, and the table none: only so can each be built
and dropped while others fill.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection, text

from pgvoice.store.errors import IndexBusy

#: From how many segments on searches use an index; the same as in
#: `pgvoice_internal.is_search_by_index`.
WORTH_FROM = 10_000
#: The longest vectors that pgvector indexes as ``halfvec``.
MAX_DIMENSION = 4000
#: How long to wait until the server took a cancellation.
CANCEL_SECONDS = 10.0
#: Memory for a build when none is named: what the graph needs in proportion to its table, bounded.
GRAPH_PER_TABLE = 1.9
MEMORY_BOUNDS = (64 << 20, 2 << 30)


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """The index of one encoder's segments, over all the tables that hold them."""

    encoder: str
    #: Segments with a vector.
    segments: int
    #: Tables that hold segments: one, or the partitions.
    parts: int
    #: Of these, how many have an index that serves.
    indexed: int
    #: Left by builds that were interrupted: they serve nobody, and slow down every fill.
    invalid: list[str]
    building: bool
    bytes: int
    #: HNSW's parameters where there is an index: links per row, candidates while building.
    m: int | None
    ef_construction: int | None

    @property
    def worth_building(self) -> bool:
        """Whether an index is missing, and searches would gain from it."""
        missing = self.indexed < self.parts and not self.building
        return missing and self.segments >= WORTH_FROM


class BuildStep(NamedTuple):
    """One statement of a build."""

    table: str
    statement: str


class BuildProgress(NamedTuple):
    """How far Postgres is with a build, in its own words."""

    table: str
    phase: str
    blocks_done: int
    blocks_total: int


def status(connection: Connection) -> list[IndexStatus]:
    """One for each encoder, oldest first. Counts the segments, which takes a look at each."""
    rows = connection.execute(
        text(
            "WITH counted AS (SELECT encoder_id, count(*) AS segments"
            " FROM pgvoice.segment_embedding WHERE status IN ('ok', 'partial')"
            " GROUP BY encoder_id)"
            " SELECT e.label, coalesce(min(c.segments), 0), count(i.part),"
            " count(*) FILTER (WHERE i.valid),"
            " coalesce(array_agg(i.index::text ORDER BY i.part)"
            " FILTER (WHERE i.index IS NOT NULL AND NOT i.valid AND NOT i.building), '{}'),"
            " bool_or(i.building), coalesce(sum(i.bytes), 0)::bigint, max(i.m),"
            " max(i.ef_construction)"
            " FROM pgvoice.segment_index i JOIN pgvoice.encoder e ON e.id = i.encoder_id"
            " LEFT JOIN counted c USING (encoder_id) GROUP BY e.id ORDER BY e.id"
        )
    )
    return [IndexStatus(*row) for row in rows]


def steps(connection: Connection, encoder_id: int) -> list[BuildStep]:
    """What is to be run for the encoder's index to be whole; nothing where it is."""
    rows = connection.execute(
        text("SELECT part, statement FROM pgvoice.segment_index_statements(:encoder)"),
        {"encoder": encoder_id},
    )
    return [BuildStep(*row) for row in rows]


def hold(connection: Connection) -> None:
    """Keep other builds away until the transaction ends. Raises `IndexBusy`."""
    free = connection.scalar(
        text("SELECT pg_try_advisory_xact_lock(hashtextextended('pgvoice.index', 0))")
    )
    if not free:
        raise IndexBusy


def prepare(
    connection: Connection, encoder_id: int, memory: str | None, workers: int | None
) -> None:
    """Set up the session of a build; None is memory that fits, and the server's own workers."""
    if memory is None:
        memory = f"{_fitting_memory(connection, encoder_id) >> 10}kB"
    _set(connection, "maintenance_work_mem", memory)
    if workers is not None:
        _set(connection, "max_parallel_maintenance_workers", str(workers))


def cancel(connection: Connection) -> None:
    """Stop what another thread has the server do on a connection."""
    driver_connection = connection.connection.driver_connection
    assert driver_connection is not None  # noqa: S101 - a connection in use has one
    driver_connection.cancel_safe(timeout=CANCEL_SECONDS)


def progress(connection: Connection, encoder_id: int) -> tuple[str, int, int] | None:
    """Phase, blocks done and blocks in all of the build on an encoder's tables."""
    row = connection.execute(
        text(
            "SELECT phase, blocks_done, blocks_total FROM pg_stat_progress_create_index"
            " WHERE relid IN (SELECT part FROM pgvoice.segment_index WHERE encoder_id = :encoder)"
            " LIMIT 1"
        ),
        {"encoder": encoder_id},
    ).one_or_none()
    return None if row is None else (row[0], row[1], row[2])


def drop_statements(connection: Connection, encoder_id: int) -> list[str]:
    """What is to be run, each outside of a transaction, for the index to be gone."""
    return list(
        connection.scalars(
            text(
                "SELECT format('DROP INDEX CONCURRENTLY %s', index) FROM pgvoice.segment_index"
                " WHERE encoder_id = :encoder AND index IS NOT NULL ORDER BY part"
            ),
            {"encoder": encoder_id},
        )
    )


def wants_memory(connection: Connection, encoder_id: int) -> bool:
    """Whether more would fit than the server sets."""
    own = connection.scalar(text("SELECT pg_size_bytes(current_setting('maintenance_work_mem'))"))
    return _fitting_memory(connection, encoder_id) > (own or 0)


def _fitting_memory(connection: Connection, encoder_id: int) -> int:
    """Bytes in which the graph of the largest table fits, or what the server sets if that is more.

    A parallel build takes all of it at once, as shared memory: it must not be plenty.
    """
    largest, own = connection.execute(
        text(
            "SELECT max(pg_relation_size(part)),"
            " pg_size_bytes(current_setting('maintenance_work_mem'))"
            " FROM pgvoice.segment_index WHERE encoder_id = :encoder"
        ),
        {"encoder": encoder_id},
    ).one()
    least, most = MEMORY_BOUNDS
    fitting: int = max(own, least, min(most, int(GRAPH_PER_TABLE * (largest or 0))))
    return fitting


def _set(connection: Connection, name: str, value: str) -> None:
    connection.execute(
        text("SELECT set_config(:name, :value, false)"), {"name": name, "value": value}
    )
