"""``VoiceStore.ingests``: which recordings of an ingest are labelled, filled, failed or waiting."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import text

from pgvoice.store.database.connection import Database
from pgvoice.store.keys import SegmentKey
from pgvoice.store.recordings.encoders import ENCODER_ID, EncoderIdentity
from pgvoice.store.recordings.turns import storable

#: A row of a manifest as a JSON object.
Document = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How filling one recording went."""

    video: str
    #: None if it is filled.
    error: str | None = None
    requested: int = 0
    filled: int = 0
    #: Seconds of speech that were filled.
    audio_seconds: float = 0.0
    work_seconds: float = 0.0
    #: Names the segments that are not spans of time, if the others are filled.
    invalid: str | None = None


@dataclass(frozen=True, slots=True)
class IngestStatus:
    """The progress of an ingest."""

    ingest: str
    videos: int
    #: Recordings that are filled and labelled.
    done: int
    failed: int
    waiting: int
    #: Recordings that are filled, but whose labels are not stored yet.
    unlabelled: int
    #: Vectors that its fills computed, and the seconds of speech of these.
    filled: int
    audio_seconds: float
    #: Seconds that the workers took, all together.
    work_seconds: float
    #: Seconds in which at least one worker was filling.
    wall_seconds: float
    #: Per second of wall time; None if nothing was filled yet.
    vectors_per_second: float | None
    speech_per_second: float | None
    #: Per second of one worker's time.
    speech_per_work_second: float | None
    #: At the most recent pace; None if there is none.
    seconds_left: float | None
    changed_at: datetime
    #: Recordings among `done` and `unlabelled` with segments that are not spans of time.
    invalid: int


@dataclass(frozen=True, slots=True)
class FailedVideo:
    """A recording that could not be filled, or has segments that are not spans of time."""

    video: str
    #: Whether all segments that are spans of time are filled.
    filled: bool
    attempts: int
    error: str
    document: Document


class Ingests:
    """The state of ingests; each call is a transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def expect(self, name: str, rows: Mapping[str, Document]) -> set[str]:
        """Note the recordings, by key, that an ingest should fill; known ones keep their state.

        Returns those that were erased, of which nothing is noted.
        """
        with self._database.engine.begin() as connection:
            erased = set(
                connection.scalars(
                    text("SELECT pgvoice.erased_videos(CAST(:videos AS text[]))"),
                    {"videos": list(rows)},
                )
            )
            connection.execute(
                text(
                    "INSERT INTO pgvoice.ingest_video AS b (ingest, video, document)"
                    " SELECT :ingest, key, value FROM jsonb_each(CAST(:rows AS jsonb))"
                    " ON CONFLICT (ingest, video) DO UPDATE SET document = EXCLUDED.document"
                    " WHERE b.document <> EXCLUDED.document"
                ),
                {
                    "ingest": name,
                    "rows": json.dumps(
                        {key: dict(row) for key, row in rows.items() if key not in erased}
                    ),
                },
            )
            return erased

    def complete(
        self,
        encoder: EncoderIdentity,
        asked: Mapping[str, Sequence[tuple[SegmentKey, str | None]]],
    ) -> set[str]:
        """The videos that have all segments of these turns but erased ones, by one SELECT.

        A turn is its segment and its label; its clean parts count too.
        """
        rows = [(video, *turn) for video, turns in asked.items() for turn in turns]
        values = {
            "videos": [video for video, _, _ in rows],
            "starts": [key.start_ms for _, key, _ in rows],
            "ends": [key.end_ms for _, key, _ in rows],
            "labels": [storable(label) for _, _, label in rows],
        }
        with self._database.engine.connect() as connection:
            missing = connection.scalars(text(_INCOMPLETE), values | asdict(encoder))
            return set(asked) - set(missing)

    def complete_from_store(
        self, encoder: EncoderIdentity, videos: Collection[str], segmenter: str | None
    ) -> set[str]:
        """Those of the videos that have all segments of their stored turns, by one SELECT.

        These turns were given, or `segmenter` found them. Clean parts count too, erased speech does
        not. A video without stored turns, or with those of another segmenter, is not complete.
        """
        values = {"videos": list(videos), "segmenter": segmenter}
        with self._database.engine.connect() as connection:
            return set(connection.scalars(text(_COMPLETE), values | asdict(encoder)))

    def unlabelled(self, name: str) -> list[str]:
        """The stored videos of an ingest that are filled, but whose labels are not stored yet."""
        with self._database.engine.connect() as connection:
            return list(connection.scalars(text(_UNLABELLED), {"ingest": name}))

    def finish(self, name: str, videos: Collection[str]) -> None:
        """Note that the labels of these videos are stored: those that are filled are done."""
        with self._database.engine.begin() as connection:
            connection.execute(text(_FINISH), {"ingest": name, "videos": list(videos)})

    def settle(self, name: str, outcomes: Sequence[Outcome]) -> None:
        """Store how filling went: a video is filled, or failed.

        A video that is done stays so, with its figures, unless somebody worked on it again.
        """
        if outcomes:
            rows = json.dumps([asdict(each) for each in outcomes])
            with self._database.engine.begin() as connection:
                connection.execute(text(_SETTLE), {"ingest": name, "outcomes": rows})

    def status(self, name: str | None = None) -> list[IngestStatus]:
        """The progress of one ingest, or of all, by name."""
        with self._database.engine.connect() as connection:
            rows = connection.execute(
                text("SELECT * FROM pgvoice.ingest_progress(:ingest)"), {"ingest": name}
            )
            return [IngestStatus(*row) for row in rows]

    def failed(
        self, name: str | None = None, *, limit: int | None = None, skip: int = 0
    ) -> list[FailedVideo]:
        """The recordings of one ingest, or of all, that failed or have invalid segments."""
        with self._database.engine.connect() as connection:
            rows = connection.execute(
                text(
                    "SELECT video, state <> 'failed', attempts, error, document"
                    " FROM pgvoice.ingest_video"
                    " WHERE error IS NOT NULL AND ingest = coalesce(:ingest, ingest)"
                    " ORDER BY ingest, video LIMIT :limit OFFSET :skip"
                ),
                {"ingest": name, "limit": limit, "skip": skip},
            )
            return [FailedVideo(*row) for row in rows]


_INCOMPLETE = f"""
WITH given AS (
    SELECT g.video, array_agg(g.start_ms) AS starts, array_agg(g.end_ms) AS ends,
           array_agg(g.label) AS labels
    FROM unnest(CAST(:videos AS text[]), CAST(:starts AS integer[]), CAST(:ends AS integer[]),
                CAST(:labels AS text[])) AS g(video, start_ms, end_ms, label)
    GROUP BY g.video
)
SELECT g.video
FROM given AS g
WHERE EXISTS (
    SELECT FROM pgvoice.segments_to_fill(g.video, g.starts, g.ends, g.labels) AS a
    WHERE NOT a.erased AND NOT EXISTS (
        SELECT FROM pgvoice.segment_embedding s JOIN pgvoice.video v ON v.id = s.video_id
        WHERE v.key = g.video AND s.start_ms = a.start_ms AND s.end_ms = a.end_ms
          AND s.encoder_id = {ENCODER_ID}
    )
)
"""  # noqa: S608 - of constants
_COMPLETE = f"""
WITH asked AS MATERIALIZED (
    SELECT v.id, v.key FROM pgvoice.video AS v
    JOIN pgvoice.turn_document AS d ON d.video_id = v.id
    WHERE v.key = ANY (CAST(:videos AS text[]))
      AND (d.segmenter IS NULL OR d.segmenter = CAST(:segmenter AS text))
), missing AS MATERIALIZED (
    SELECT n.id, array_agg(n.start_ms) AS starts_ms, array_agg(n.end_ms) AS ends_ms
    FROM (
        SELECT a.id, t.start_ms, t.end_ms
        FROM asked AS a JOIN pgvoice.turn AS t ON t.video_id = a.id
        UNION
        SELECT a.id, c.start_ms, c.end_ms
        FROM asked AS a JOIN pgvoice.clean_part AS c ON c.video_id = a.id
    ) AS n
    LEFT JOIN pgvoice.segment_embedding AS s
        ON s.video_id = n.id AND s.start_ms = n.start_ms AND s.end_ms = n.end_ms
        AND s.encoder_id = {ENCODER_ID}
    WHERE s.video_id IS NULL
    GROUP BY n.id
)
SELECT a.key FROM asked AS a LEFT JOIN missing AS m USING (id)
WHERE m.id IS NULL OR cardinality(m.starts_ms) = (
    SELECT count(DISTINCT (e.start_ms, e.end_ms))
    FROM pgvoice.erased_segments(a.key, m.starts_ms, m.ends_ms) AS e
)
"""  # noqa: S608 - of constants
_UNLABELLED = """
SELECT b.video FROM pgvoice.ingest_video AS b JOIN pgvoice.video AS v ON v.key = b.video
WHERE b.ingest = :ingest AND b.state = 'filled' ORDER BY b.video
"""
_FINISH = """
UPDATE pgvoice.ingest_video AS b SET state = 'done'
WHERE b.ingest = :ingest AND b.video = ANY (CAST(:videos AS text[])) AND b.state = 'filled'
"""
_SETTLE = """
UPDATE pgvoice.ingest_video AS b SET error = coalesce(o.error, o.invalid),
    state = CASE WHEN o.error IS NOT NULL THEN 'failed'
                 WHEN b.state = 'done' AND o.work_seconds = 0 THEN 'done' ELSE 'filled' END,
    attempts = b.attempts + CASE WHEN o.work_seconds > 0 OR o.error IS NOT NULL THEN 1 ELSE 0 END,
    requested = coalesce(nullif(o.requested, 0), b.requested),
    filled = coalesce(b.filled, 0) + o.filled,
    audio_seconds = coalesce(b.audio_seconds, 0) + o.audio_seconds,
    work_seconds = coalesce(b.work_seconds, 0) + o.work_seconds,
    changed_at = CASE WHEN b.state IN ('filled', 'done') AND o.work_seconds = 0 AND o.error IS NULL
                      THEN b.changed_at ELSE now() END
FROM jsonb_to_recordset(CAST(:outcomes AS jsonb)) AS o(video text, error text, invalid text,
    requested integer, filled integer, audio_seconds double precision,
    work_seconds double precision)
WHERE b.ingest = :ingest AND b.video = o.video
  AND (b.state NOT IN ('filled', 'done') OR o.work_seconds > 0 OR coalesce(o.error, o.invalid)
       IS DISTINCT FROM b.error)
"""
