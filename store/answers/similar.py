"""What sounds like a stored segment, over all videos.

The decisions are made in `pgvoice_internal.near_segments`, in SQL, on figures of 100,000 synthetic
segments of 192 elements (`measuring.library`, which is as alike as real speech), on two cores:

- Comparing every segment takes 36 ms (0.4 µs each), a look into the index 2.6 ms. Under 10,000
  segments, or where the videos asked for have no more than 20,000, comparing is as fast, and exact.
- With an ``ef_search`` of 130 the index finds 99 % of the 100 most similar; with 400 half a percent
  more, in half as much time again. Among a million 2 of 200 searches with 130 ended in a far
  corner of the graph and found almost nothing, with 400 still one. The asked video tells: where it
  has something nearer than all that was found, the search is repeated with 400, and if that does
  not help, every segment is compared.
- Filters are applied as the index is scanned, at 5 µs a row. After a hundredth of the rows it
  gives up, and every segment is compared: deeper scans take as long and find less (among 300,000,
  with 1 % left by the filter, 84 % of the 20 in 60 ms, against all of them in 106 ms). With 10 %
  left, 99.6 % are found in 9 ms. Four times as many candidates as asked for are taken from a
  filtered scan: its later rows are in no strict order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from pgvoice.store.database.failures import sqlstate
from pgvoice.store.errors import NoEmbedding
from pgvoice.store.keys import SegmentKey
from pgvoice.store.names import is_text
from pgvoice.store.people import speakers
from pgvoice.store.recordings import videos
from pgvoice.store.statuses import EMBEDDED_STATUSES

_SIMILAR = text(
    "SELECT video, start_s, end_s, similarity FROM pgvoice.similar_segments(:video, :start,"
    " :end, :limit, :encoder, CAST(:videos AS text[]), CAST(:since AS timestamptz),"
    " CAST(:min_seconds AS double precision), CAST(:excluded_speakers AS text[]),"
    " :same_video, CAST(:exact AS boolean))"
)
_NO_DATA_FOUND = "P0002"


@dataclass(frozen=True, slots=True)
class SimilarSegment:
    """A segment that sounds like the one asked for."""

    video: str
    #: Seconds, on the store's grid.
    start: float
    end: float
    #: Cosine similarity to the segment asked for, in [-1, 1].
    similarity: float


@dataclass(frozen=True, slots=True)
class SimilarFilter:
    """Which segments may be found: those that fit everything that is given."""

    videos: Sequence[str] | None = None
    #: Of videos that came into the store at this moment or later.
    since: datetime | None = None
    min_seconds: float | None = None
    #: Not those that identification gives to these people.
    excluded_speakers: Sequence[str] | None = None
    #: Of the asked segment's own video, too.
    same_video: bool = True


def similar(
    connection: Connection,
    video: str,
    encoder_id: int,
    key: SegmentKey,
    limit: int,
    among: SimilarFilter,
    exact: bool,
) -> list[SimilarSegment]:
    """The segments most similar to a stored one, most similar first.

    Raises `UnknownVideo`, `UnknownSpeaker`, and `NoEmbedding` for a segment without a vector.
    """
    # In one statement; what was wrong is only looked for where something was.
    if not all(map(is_text, (video, *(among.videos or ()), *(among.excluded_speakers or ())))):
        _refuse(connection, video, encoder_id, key, among)
    try:
        rows = connection.execute(
            _SIMILAR,
            asdict(among)
            | {
                "video": video,
                "start": key.start_s,
                "end": key.end_s,
                "limit": limit,
                "encoder": encoder_id,
                # Whether the index pays is decided in SQL.
                "exact": True if exact else None,
            },
        )
    except DBAPIError as error:
        if sqlstate(error) != _NO_DATA_FOUND:
            raise
        connection.rollback()
        _refuse(connection, video, encoder_id, key, among)
        raise
    return [SimilarSegment(*row) for row in rows]


def _refuse(
    connection: Connection, video: str, encoder_id: int, key: SegmentKey, among: SimilarFilter
) -> None:
    """Raises what keeps the search from its answer, if it still does."""
    for known in (video, *(among.videos or ())):
        videos.require(connection, known)
    for name in among.excluded_speakers or ():
        speakers.require(connection, name)
    status = connection.scalar(
        text(
            "SELECT s.status FROM pgvoice.segment_embedding s"
            " JOIN pgvoice.video v ON v.id = s.video_id WHERE v.key = :video"
            " AND s.start_ms = :start AND s.end_ms = :end AND s.encoder_id = :encoder"
        ),
        {"video": video, "start": key.start_ms, "end": key.end_ms, "encoder": encoder_id},
    )
    if status not in EMBEDDED_STATUSES:
        reason = status or "missing"
        raise NoEmbedding(video, [((key.start_s, key.end_s), reason)], purpose="search with")
