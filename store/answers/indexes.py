"""The vector index of segments: its state, and the statements that build and drop it.

It stores vectors as ``halfvec``, 16 bits per element. With 100,000 synthetic segments of 192
elements and 16 links, two processes built it in 14 s either way: 66 MB as halfvec, 112 MB as
vector, with the same recall and speed (95.9 % and 95.8 % of the 100 nearest at an ``ef_search`` of
200). Results are ranked by the full vectors, so similarities and their order are exact.

It has 24 links instead of 16, because voices form clusters: among a million segments, with an
``ef_search`` of 110, 2 of 200 searches ended in somebody else's cluster instead of 10, and 98 % of
the 100 nearest were found instead of 94 % (99.3 and 96.3 % among 100,000). The build took 243 s
instead of 160, and the index 781 MB instead of 662. 32 links found as much, and took 375 s. With an
``ef_construction`` of 96 instead of 128 the build took 217 s, and 4 searches failed.

Adding a segment to an index of a million costs 3 ms, a hundred times as much as storing it, and
nothing in HNSW makes that cheap. So the index covers what was stored before it was built: its
predicate bounds ``created_at``, which never changes. The segments that are newer, the tail, are
found by an ordinary index on that column, and every search compares them. Once the tail is long, a
new index is built beside the old one. The alternatives do worse: dropping the index for a large
fill leaves searches without one for minutes; a staging table puts segments in two places, and every
statement would have to look in both; and with several indexes for consecutive times, each costs
every search as much as 10,000 segments in the tail.

Each partition has an index of its own, because only those can be built and dropped while others
fill; the partitioned table has none.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
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
#: Bytes of a segment in its table, and in the graph of a build: besides its elements, and for each
#: element (a float32 there, a ``halfvec`` here). Measured with 192 elements: 910 and 1,364.
ROW, ROW_ELEMENT = 140, 4
NODE, NODE_ELEMENT = 980, 2
#: Memory for a build by default.
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
    #: A complete index has the segments that were stored before this. None for an index of an
    #: earlier release, to which all new segments are added, which slows down every fill.
    covers_before: datetime | None
    #: Segments stored since a complete index was built: searches compare each of them.
    tail: int
    #: Whether the tail is so long that the index is worth building again.
    outgrown: bool

    @property
    def complete(self) -> bool:
        """Whether each table has a valid index."""
        return self.indexed == self.parts

    @property
    def slows_fills(self) -> bool:
        """Whether it is an index of an earlier release."""
        return self.complete and self.covers_before is None

    @property
    def worth_building(self) -> bool:
        """Whether a build would make searches faster."""
        missing = not self.complete and self.segments >= WORTH_FROM
        return not self.building and (missing or self.outgrown)


class BuildProgress(NamedTuple):
    """How far Postgres is with a build, from its own report."""

    table: str
    phase: str
    blocks_done: int
    blocks_total: int


def status(connection: Connection, *, rough: bool = False) -> list[IndexStatus]:
    """The index of each encoder, oldest first.

    Counts the segments, so it reads all of them; if `rough`, it counts at most `WORTH_FROM` of each
    encoder, which is enough to say whether an index is worth building.
    """
    rows = connection.execute(
        text(
            f"WITH counted AS ({_ENOUGH if rough else _ALL}),"  # noqa: S608 - of our own parts
            " indexed AS (SELECT encoder_id, count(*) AS parts,"
            " count(*) FILTER (WHERE valid) AS valid, bool_or(building) AS building,"
            " coalesce(sum(bytes), 0)::bigint AS bytes, max(m) AS m,"
            " max(ef_construction) AS ef_construction, CASE WHEN bool_and(valid)"
            " THEN nullif(min(covers_before), 'infinity') END AS covers_before"
            " FROM pgvoice.segment_index GROUP BY encoder_id)"
            " SELECT e.label, coalesce(c.segments, 0), i.parts, i.valid,"
            " ARRAY(SELECT x.id::text FROM pgvoice.segment_index p"
            " CROSS JOIN unnest(p.left_over) AS x(id)"
            " WHERE p.encoder_id = e.id AND NOT p.building ORDER BY x.id::text), i.building,"
            " i.bytes, i.m, i.ef_construction, i.covers_before, coalesce(t.segments, 0),"
            " coalesce(t.outgrown, false)"
            " FROM pgvoice.encoder e JOIN indexed i ON i.encoder_id = e.id"
            " LEFT JOIN counted c ON c.encoder_id = e.id"
            " CROSS JOIN pgvoice.segment_index_tail(e.id) AS t ORDER BY e.id"
        )
    )
    return [IndexStatus(*row) for row in rows]


_ALL = (
    "SELECT encoder_id, count(*) AS segments FROM pgvoice.segment_embedding"
    " WHERE status IN ('ok', 'partial') GROUP BY encoder_id"
)
_ENOUGH = (
    "SELECT id AS encoder_id, (SELECT count(*) FROM (SELECT FROM pgvoice.segment_embedding s"  # noqa: S608
    f" WHERE s.encoder_id = id LIMIT {WORTH_FROM}) AS s) AS segments FROM pgvoice.encoder"
)


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
        memory = f"{build_memory(connection, encoder_id).usual >> 10}kB"
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


class BuildMemory(NamedTuple):
    """Memory for a build, in bytes."""

    #: What holds the whole graph of the largest table. A build that has less adds the segments that
    #: do not fit one by one, which takes several times as long.
    graph: int
    #: What a build takes unless it is told how much.
    usual: int
    #: The server's own ``maintenance_work_mem``.
    server: int


def build_memory(connection: Connection, encoder_id: int) -> BuildMemory:
    """What a build needs, estimated from the size of the table.

    A parallel build allocates all that it may take at once, as shared memory, so what it takes by
    itself must not be generous.
    """
    largest, dimension, server = connection.execute(
        text(
            "SELECT coalesce(max(pg_relation_size(part)), 0), max(dimension),"
            " pg_size_bytes(current_setting('maintenance_work_mem'))"
            " FROM pgvoice.segment_index WHERE encoder_id = :encoder"
        ),
        {"encoder": encoder_id},
    ).one()
    segments = largest / (ROW + ROW_ELEMENT * dimension)
    graph = int(segments * (NODE + NODE_ELEMENT * dimension))
    least, most = MEMORY_BOUNDS
    return BuildMemory(graph, max(server, least, min(most, graph)), server)
