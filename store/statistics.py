"""How well the cache serves: hits, misses, statuses, sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Hits:
    """Distinct segments asked of fills, and how many of them the store had already."""

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
    """What the store holds of one video with one encoder."""

    video: str
    encoder: str
    segments: int
    #: Of the rows, without indexes and page overhead.
    bytes: int
    #: Segments by status.
    statuses: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class CacheStatistics:
    """The whole picture; sums over encoders and videos are the reader's."""

    all_time: Hits
    last_fill: LastFill | None
    holdings: list[Holding]
    #: The segments' table with indexes, as it is on disk.
    bytes_on_disk: int


#: Of the table and, where it is in parts, of all of them.
_SIZE = (
    "(SELECT sum(pg_total_relation_size(oid)) FROM (SELECT CAST('pgvoice.segment_embedding' AS"
    " regclass) UNION ALL SELECT inhrelid FROM pg_inherits"
    " WHERE inhparent = CAST('pgvoice.segment_embedding' AS regclass)) AS part(oid))"
)


def cache_statistics(connection: Connection) -> CacheStatistics:
    """Counted from the fills' records and the rows themselves."""
    requested, hits, size = connection.execute(
        text(
            "SELECT coalesce(sum(requested), 0), coalesce(sum(hits), 0),"  # noqa: S608
            f" {_SIZE} FROM pgvoice.fill_run"
        )
    ).one()
    return CacheStatistics(
        Hits(int(requested), int(hits)), _last_fill(connection), _holdings(connection), int(size)
    )


def _last_fill(connection: Connection) -> LastFill | None:
    row = connection.execute(
        text(
            "SELECT v.key, f.requested, f.hits, f.finished_at FROM pgvoice.fill_run f"
            " JOIN pgvoice.video v ON v.id = f.video_id ORDER BY f.id DESC LIMIT 1"
        )
    ).one_or_none()
    return None if row is None else LastFill(row[0], Hits(row[1], row[2]), row[3])


def _holdings(connection: Connection) -> list[Holding]:
    rows = connection.execute(
        text(
            "WITH counted AS (SELECT video_id, encoder_id, status, count(*) AS segments,"
            " sum(pg_column_size(s.*)) AS bytes FROM pgvoice.segment_embedding s GROUP BY 1, 2, 3)"
            " SELECT v.key, e.label, sum(c.segments), sum(c.bytes),"
            " jsonb_object_agg(c.status, c.segments) FROM counted c"
            " JOIN pgvoice.video v ON v.id = c.video_id"
            " JOIN pgvoice.encoder e ON e.id = c.encoder_id GROUP BY v.key, e.id ORDER BY 1, e.id"
        )
    )
    return [
        Holding(video, encoder, int(segments), int(size), statuses)
        for video, encoder, segments, size, statuses in rows
    ]
