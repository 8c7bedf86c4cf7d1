"""Statistics of the cache: hits, misses, statuses, sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

_STATISTICS = text("SELECT * FROM pgvoice.cache_stats()")
_HOLDINGS = text(
    "SELECT c.video, c.encoder, c.segments, c.bytes, c.statuses, c.source FROM pgvoice.encoder AS e"
    " CROSS JOIN LATERAL pgvoice.coverage(NULL, e.id) AS c ORDER BY c.video, e.id"
)


@dataclass(frozen=True, slots=True)
class Hits:
    """Distinct segments requested of fills, and how many of them were stored before."""

    requested: int
    hits: int

    @property
    def misses(self) -> int:
        return self.requested - self.hits

    @property
    def rate(self) -> float | None:
        """Hits per request in [0, 1]; None before the first request."""
        return self.hits / self.requested if self.requested else None


@dataclass(frozen=True, slots=True)
class LastFill:
    """The newest fill."""

    video: str
    hits: Hits
    finished_at: datetime


@dataclass(frozen=True, slots=True)
class Holding:
    """What is stored of one video by one encoder."""

    video: str
    encoder: str
    segments: int
    #: Size of the rows, without indexes and page overhead.
    bytes: int
    #: Segments by status.
    statuses: Mapping[str, int]
    #: The file that vectors were imported from last; None for those of a fill.
    source: str | None


@dataclass(frozen=True, slots=True)
class CacheStatistics:
    """Statistics of all fills and all stored segments."""

    all_time: Hits
    last_fill: LastFill | None
    holdings: list[Holding]
    #: Size of the segments' table with its indexes.
    bytes_on_disk: int


def read(connection: Connection, *, holdings: bool) -> CacheStatistics:
    """Hits and misses of fills, and what is stored; without `holdings` only how much."""
    row = connection.execute(_STATISTICS).one()
    stored = [Holding(*each) for each in connection.execute(_HOLDINGS)] if holdings else []
    last = None
    if row.last_video is not None:
        hits = Hits(row.last_requested, row.last_hits)
        last = LastFill(row.last_video, hits, row.last_finished_at)
    return CacheStatistics(Hits(row.requested, row.hits), last, stored, row.bytes_on_disk)
