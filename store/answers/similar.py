"""What sounds like a stored segment, over all videos.

`pgvoice_internal.near_segments` decides between index and full comparison, based on measurements
of 100,000 synthetic segments of 192 elements (`measuring.library`, as similar to each other as real
speech) on two cores:

- Comparing every segment takes 36 ms (0.4 µs each), an index scan 2.6 ms. Below 10,000 segments,
  or if the videos to search have at most 20,000, comparing is as fast, and exact.
- With an ``ef_search`` of 130 the index finds 99 % of the 100 most similar segments; 400 finds half
  a percent more in 1.5 times the time. Among a million segments, 2 of 200 searches with 130 ended
  in a remote part of the graph and found almost nothing; with 400 still one. The segment's own
  video reveals this: if it has something nearer than everything found, the search is repeated with
  400, and if that does not help, every segment is compared.
- Above a million segments the effort grows with the root of their number: among ten million, 130
  finds 93 % in 18 ms, 411 finds 97 % in 41 ms, and 1,000, the most, 98 % in 81 ms.
- Segments that are newer than the index, its tail, are compared one by one: 10 ms for 18,000. With
  a segment of the tail, nothing of its own video would reveal a failed scan, and among a million, 4
  of 220 searches with 130 failed. With 1,000, none of 200 did.
- Filters are applied during the index scan, at 5 µs a row. The scan gives up after a hundredth of
  the rows, and every segment is compared: deeper scans take as long and find less (among 300,000
  segments with 1 % left by the filter, 84 % of the 20 most similar in 60 ms, against all of them in
  106 ms). With 10 % left, 99.6 % are found in 9 ms. A filtered scan fetches four times as many
  candidates as requested, because its later rows are not strictly ordered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from pgvoice.store.database.failures import NO_DATA_FOUND, refused_values, sqlstate
from pgvoice.store.errors import AmbiguousSpan, NoEmbedding, NoSegment
from pgvoice.store.keys import OnGrid, SegmentKey, Span
from pgvoice.store.moments import require_zone
from pgvoice.store.names import is_text
from pgvoice.store.people import speakers
from pgvoice.store.recordings import videos
from pgvoice.store.recordings.encoders import ENCODER_LABEL
from pgvoice.store.recordings.typed_spans import resolve
from pgvoice.store.statuses import EMBEDDED_STATUSES

_SIMILAR = text(
    f"SELECT video, start_ms, end_ms, similarity, {ENCODER_LABEL}"  # noqa: S608
    " FROM pgvoice.similar_segments(:video, :start,"
    " :end, :limit, :encoder, CAST(:videos AS text[]), CAST(:since AS timestamptz),"
    " CAST(:min_seconds AS double precision), CAST(:excluded_speakers AS text[]),"
    " :same_video, CAST(:exact AS boolean))"
)
_AROUND = text(
    "SELECT s.start_ms, s.end_ms FROM pgvoice.segment_embedding AS s"
    " JOIN pgvoice.video AS v ON v.id = s.video_id WHERE v.key = :video"
    " AND s.encoder_id = :encoder AND s.status = ANY (:statuses)"
    " AND s.start_ms <= :start AND s.end_ms >= :end"
    " ORDER BY s.end_ms - s.start_ms, s.start_ms LIMIT 1"
)


@dataclass(frozen=True, slots=True)
class SimilarSegment(OnGrid):
    """A segment that sounds like the given one."""

    video: str
    start_ms: int
    end_ms: int
    #: Cosine similarity to the given segment, in [-1, 1].
    similarity: float
    #: Whose vectors were compared.
    encoder: str


@dataclass(frozen=True, slots=True)
class SimilarFilter:
    """Which segments may be found: those that meet every condition given.

    Raises `ValueError` if `since` has no zone.
    """

    videos: Sequence[str] | None = None
    #: Only videos added to the store at this moment or later.
    since: datetime | None = None
    min_seconds: float | None = None
    #: Without the segments that identification assigns to these people.
    excluded_speakers: Sequence[str] | None = None
    #: Whether other segments of the same video may be found.
    same_video: bool = True

    def __post_init__(self) -> None:
        require_zone(self.since, "the filter's since")


def similar(
    connection: Connection,
    video: str,
    encoder_id: int,
    key: SegmentKey,
    limit: int,
    among: SimilarFilter,
    exact: bool,
) -> list[SimilarSegment]:
    """The segments most similar to a stored one, the most similar first.

    Raises `UnknownVideo`, `UnknownSpeaker`, `NoEmbedding` if the segment has no vector, and
    `ValueError` for a negative limit, and if a user who may not see vectors asks for more than 100.
    """
    # One statement; the names are looked up only after it has failed.
    if not all(map(is_text, (video, *(among.videos or ()), *(among.excluded_speakers or ())))):
        _refuse(connection, video, encoder_id, key, among)
    try:
        with refused_values():
            rows = connection.execute(
                _SIMILAR,
                asdict(among)
                | {
                    "video": video,
                    "start": key.start_s,
                    "end": key.end_s,
                    "limit": limit,
                    "encoder": encoder_id,
                    # Otherwise SQL decides whether to use the index.
                    "exact": True if exact else None,
                },
            )
    except DBAPIError as error:
        if sqlstate(error) != NO_DATA_FOUND:
            raise
        connection.rollback()
        _refuse(connection, video, encoder_id, key, among)
        raise
    return [SimilarSegment(*row) for row in rows]


def sole_segment(
    connection: Connection, video: str, encoder_id: int, span: Span, key: SegmentKey
) -> SegmentKey:
    """The segment that a span means, of which `key` is the place on the grid.

    If it means none, the one that it is part of, as clips of long segments are. Raises
    `AmbiguousSpan` if it means several, and `NoEmbedding` if it is part of none either.
    """
    try:
        found = resolve(connection, video, span, encoder_id, with_vector=True)
    except NoSegment as error:
        if (whole := _around(connection, video, encoder_id, key)) is not None:
            return whole
        raise NoEmbedding(
            video,
            [((key.start_s, key.end_s), "missing")],
            purpose="search with",
            nearest=error.nearest,
        ) from None
    if len(found.segments) > 1:
        named = ", ".join(f"{key.start_s}-{key.end_s}" for key in found.segments)
        raise AmbiguousSpan(video, span, named)
    return found.segments[0]


def _refuse(
    connection: Connection, video: str, encoder_id: int, key: SegmentKey, among: SimilarFilter
) -> None:
    """Raise the reason why the search failed, if it still exists."""
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


def _around(
    connection: Connection, video: str, encoder_id: int, key: SegmentKey
) -> SegmentKey | None:
    """The shortest segment with a vector that a span is part of; None if there is none."""
    asked = {"video": video, "encoder": encoder_id, "start": key.start_ms, "end": key.end_ms}
    row = connection.execute(_AROUND, asked | {"statuses": list(EMBEDDED_STATUSES)}).first()
    return None if row is None else SegmentKey(*row)
