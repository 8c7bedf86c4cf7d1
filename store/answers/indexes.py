"""The vector index of segments: its state, and the statements that build and drop it.

It stores vectors as ``halfvec``, 16 bits per element. With 100,000 synthetic segments of 192
elements and 16 links, two processes built it in 14 s either way: 66 MB as halfvec, 112 MB as
vector, with the same recall and speed (95.9 % and 95.8 % of the 100 nearest at an ``ef_search`` of
200). Results are ranked by the full vectors, so similarities and their order are exact.

It has 24 links instead of 16, because voices form clusters: among a million segments, with an
``ef_search`` of 110, 2 of 200 searches ended in somebody else's cluster instead of 10, and 98 % of
the 100 nearest were found instead of 94 % (99.3 and 96.3 % among 100,000). The build took 243 s
instead of 160, the index 781 MB instead of 662, and inserting 3,000 more segments 9.9 s instead of
4.8; most segments are inserted before the index is built. 32 links found as much, and took 375 s.
With an ``ef_construction`` of 96 instead of 128 the build took 217 s, and 4 searches failed.

Each partition has an index of its own, because only those can be built and dropped while others
fill; the partitioned table has none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from pgvoice.store.database import locks
from pgvoice.store.database.failures import sqlstate
from pgvoice.store.errors import IndexBusy

#: Searches use an index from this many segments on, as in `pgvoice_internal.is_search_by_index`.
WORTH_FROM = 10_000
#: The longest vectors that pgvector indexes as ``halfvec``.
MAX_DIMENSION = 4000
#: Memory for a build by default: the size of the graph relative to its table, within bounds.
GRAPH_PER_TABLE = 1.9
MEMORY_BOUNDS = (64 << 20, 2 << 30)
_NO_VALUE = "22023"


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """The index of one encoder's segments, over all their tables."""

    encoder: str
    #: Segments with a vector.
    segments: int
    #: Tables of segments: one, or the partitions.
    parts: int
    #: How many of these have a valid index.
    indexed: int
    #: Indexes left by interrupted builds: of no use, and they slow down every fill.
    invalid: list[str]
    building: bool
    bytes: int
    #: HNSW's parameters if there is an index: links per row, candidates while building.
    m: int | None
    ef_construction: int | None

    @property
    def worth_building(self) -> bool:
        """Whether an index is missing that searches would use."""
        missing = self.indexed < self.parts and not self.building
        return missing and self.segments >= WORTH_FROM


class BuildProgress(NamedTuple):
    """How far Postgres is with a build, from its own report."""

    table: str
    phase: str
    blocks_done: int
    blocks_total: int


def status(connection: Connection) -> list[IndexStatus]:
    """The index of each encoder, oldest first. Counts the segments, so it reads all of them."""
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


def hold(connection: Connection) -> None:
    """Lock out other builds until the transaction ends. Raises `IndexBusy`."""
    if not locks.is_held_now(connection, "index"):
        raise IndexBusy


def prepare(
    connection: Connection, encoder_id: int, memory: str | None, workers: int | None
) -> None:
    """Set the session up for a build; None stands for enough memory and the server's workers.

    Raises `ValueError` if `memory` is not an amount of memory.
    """
    if memory is None:
        memory = f"{_memory(connection, encoder_id)[0] >> 10}kB"
    settings = {"maintenance_work_mem": memory}
    if workers is not None:
        settings["max_parallel_maintenance_workers"] = str(workers)
    try:
        for name, value in settings.items():
            connection.execute(
                text("SELECT set_config(:name, :value, false)"), {"name": name, "value": value}
            )
    except DBAPIError as error:
        if sqlstate(error) != _NO_VALUE:
            raise
        raise ValueError(
            f"{memory!r} is not an amount of memory: write it like 512MB or 2GB"
        ) from None


def progress(connection: Connection, encoder_id: int) -> tuple[str, int, int] | None:
    """The phase, the blocks done and all blocks of the build on an encoder's tables."""
    row = connection.execute(
        text(
            "SELECT phase, blocks_done, blocks_total FROM pg_stat_progress_create_index"
            " WHERE relid IN (SELECT part FROM pgvoice.segment_index WHERE encoder_id = :encoder)"
            " LIMIT 1"
        ),
        {"encoder": encoder_id},
    ).one_or_none()
    return None if row is None else (row[0], row[1], row[2])


def wants_memory(connection: Connection, encoder_id: int) -> bool:
    """Whether a build needs more than the server's ``maintenance_work_mem``."""
    fitting, own = _memory(connection, encoder_id)
    return fitting > own


def _memory(connection: Connection, encoder_id: int) -> tuple[int, int]:
    """Bytes that fit the graph of the largest table, and the server's own setting.

    The first is never less than the second. A parallel build allocates all of it at once as shared
    memory, so it must not be generous.
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
    return max(own, least, min(most, int(GRAPH_PER_TABLE * (largest or 0)))), own
