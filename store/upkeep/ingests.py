"""``VoiceStore.ingests``: which recordings of a manifest are filled, failed or waiting."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
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
    """The outcome of one recording."""

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
    done: int
    failed: int
    waiting: int
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
    #: Recordings among `done` with segments that are not spans of time.
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

    def settle(self, name: str, outcomes: Sequence[Outcome]) -> None:
        """Store the outcomes; a recording that was already complete keeps its figures."""
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
                    "SELECT video, state = 'done', attempts, error, document"
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
_SETTLE = """
UPDATE pgvoice.ingest_video AS b SET error = coalesce(o.error, o.invalid),
    state = CASE WHEN o.error IS NULL THEN 'done' ELSE 'failed' END,
    attempts = b.attempts + CASE WHEN o.work_seconds > 0 OR o.error IS NOT NULL THEN 1 ELSE 0 END,
    requested = coalesce(nullif(o.requested, 0), b.requested),
    filled = coalesce(b.filled, 0) + o.filled,
    audio_seconds = coalesce(b.audio_seconds, 0) + o.audio_seconds,
    work_seconds = coalesce(b.work_seconds, 0) + o.work_seconds,
    changed_at = CASE WHEN b.state = 'done' AND o.work_seconds = 0 AND o.error IS NULL
                      THEN b.changed_at ELSE now() END
FROM jsonb_to_recordset(CAST(:outcomes AS jsonb)) AS o(video text, error text, invalid text,
    requested integer, filled integer, audio_seconds double precision,
    work_seconds double precision)
WHERE b.ingest = :ingest AND b.video = o.video
  AND (b.state <> 'done' OR o.work_seconds > 0 OR coalesce(o.error, o.invalid)
       IS DISTINCT FROM b.error)
"""
