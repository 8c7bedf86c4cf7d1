"""A small library in one transaction, and operations on it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from pgvoice.store import Exemplar, SegmentKey, SegmentRow
from pgvoice.store.people import enrollments, speakers
from pgvoice.store.recordings import encoders, segments, videos
from pgvoice.store.recordings.segment_rows import Embedding
from pgvoice_testkit.stores.filled import ENCODER, THRESHOLD

#: The two profiles nearest to each segment, computed from scratch.
_AFRESH = """
SELECT s.video_id, s.start_ms, s.end_ms, s.encoder_id, s.status,
       best.ids[1], best.similarities[1], best.ids[2], best.similarities[2]
FROM pgvoice.segment_embedding AS s
LEFT JOIN LATERAL (
    SELECT array_agg(r.speaker_id ORDER BY r.similarity DESC, r.speaker_id) AS ids,
           array_agg(r.similarity ORDER BY r.similarity DESC, r.speaker_id) AS similarities
    FROM (
        SELECT p.speaker_id, -(s.embedding <#> p.embedding) AS similarity
        FROM pgvoice.profile AS p WHERE p.encoder_id = s.encoder_id
        ORDER BY similarity DESC, p.speaker_id LIMIT 2
    ) AS r
) AS best ON s.embedding IS NOT NULL
WHERE s.encoder_id = :encoder ORDER BY 1, 2, 3
"""


@dataclass(frozen=True, slots=True)
class Refreshed:
    """The result of `pgvoice.refresh_nearest`."""

    fresh_profiles: int
    passed: int
    recomputed: int
    pairs: int


class Library:
    """Segments and people of one encoder; it commits nothing."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        encoders.ensure(connection, ENCODER, THRESHOLD)
        self.encoder = encoders.find(connection, ENCODER)
        self._exemplars = 0

    def fill(self, video: str, place: int, value: Embedding | str) -> None:
        """Store a segment of one second unless it is stored already."""
        key = SegmentKey(place * 1000, place * 1000 + 1000)
        video_id = videos.ensure(self.connection, video)
        if segments.missing(self.connection, video, ENCODER, [key]):
            status, vector = (value, None) if isinstance(value, str) else ("ok", value)
            row = SegmentRow(key, status, vector)
            segments.write(self.connection, video_id, self.encoder.id, ENCODER.dimension, [row])

    def prune(self, video: str, place: int) -> None:
        self._run(
            "DELETE FROM pgvoice.segment_embedding s USING pgvoice.video v"
            " WHERE v.id = s.video_id AND v.key = :video AND s.start_ms = :start",
            video=video,
            start=place * 1000,
        )

    def change(self, place: int, vector: Embedding) -> None:
        self._run(
            "UPDATE pgvoice.segment_embedding SET embedding = CAST(:vector AS real[])"
            " WHERE start_ms = :start AND embedding IS NOT NULL",
            start=place * 1000,
            vector=vector.tolist(),
        )

    def copy_segments(self, number: int) -> None:
        """Add segments with the vector of the first."""
        self._run(
            "INSERT INTO pgvoice.segment_embedding SELECT video_id, place * 1000,"
            " place * 1000 + 500, encoder_id, dimension, embedding, status FROM"
            " (SELECT * FROM pgvoice.segment_embedding ORDER BY start_ms LIMIT 1) AS first"
            " CROSS JOIN generate_series(1, :number) AS place",
            number=number,
        )

    def enroll(self, name: str, vector: Embedding) -> None:
        self._exemplars += 1
        span = SegmentKey(0, self._exemplars)
        exemplar = Exemplar(vector, "e" * 64, span, "e.wav")
        enrollments.enroll(self.connection, name, self.encoder, [exemplar], force=True)

    def exclude(self, name: str) -> None:
        """Exclude a person's oldest exemplar; without exemplars, the profile is deleted."""
        self._run(
            "UPDATE pgvoice.enrollment SET excluded = true WHERE id = (SELECT min(x.id) FROM"
            " pgvoice.enrollment x JOIN pgvoice.speaker s ON s.id = x.speaker_id"
            " WHERE s.name = :name AND NOT x.excluded)",
            name=name,
        )
        self._run(
            "SELECT pgvoice_internal.refresh_profile(id, :encoder) FROM pgvoice.speaker"
            " WHERE name = :name",
            name=name,
        )

    def remove(self, name: str) -> None:
        if name in self.people():
            speakers.remove(self.connection, name)

    def merge(self, name: str, into: str) -> None:
        if name != into and {name, into} <= self.people():
            speakers.merge(self.connection, name, into, force=True)

    def people(self) -> set[str]:
        return set(self.connection.scalars(text("SELECT name FROM pgvoice.speaker")))

    def refresh(self) -> Refreshed:
        """Update the kept comparisons."""
        row = self.connection.execute(
            text("SELECT * FROM pgvoice.refresh_nearest(:encoder)"), {"encoder": self.encoder.id}
        ).one()
        return Refreshed(*row)

    def kept(self) -> list[tuple[object, ...]]:
        return self._rows(
            "SELECT video_id, start_ms, end_ms, encoder_id, status, nearest_id, similarity,"
            " runner_up_id, runner_up_similarity FROM pgvoice.nearest"
            " WHERE encoder_id = :encoder ORDER BY 1, 2, 3"
        )

    def afresh(self) -> list[tuple[object, ...]]:
        return self._rows(_AFRESH)

    def verdicts(self, threshold: float | None, margin: float | None) -> list[tuple[object, ...]]:
        """Verdicts for the whole library."""
        return self._rows(
            "SELECT * FROM pgvoice_internal.verdicts(:encoder, :threshold, :margin)"
            " ORDER BY 1, 2, 3",
            threshold=threshold,
            margin=margin,
        )

    def identified(self, threshold: float | None, margin: float | None) -> list[tuple[object, ...]]:
        """Verdicts for all videos, by name."""
        return self._rows(
            "SELECT * FROM pgvoice_internal.verdicts_of(ARRAY(SELECT key FROM pgvoice.video),"
            " :encoder, :threshold, :margin) ORDER BY 1, 2, 3",
            threshold=threshold,
            margin=margin,
        )

    def heard(self, threshold: float | None, margin: float | None) -> list[tuple[object, ...]]:
        """The rows of `pgvoice.speaker_segments` for everybody."""
        return self._rows(
            "SELECT f.video, f.start_s, f.end_s, s.name, f.similarity, f.runner_up,"
            " f.runner_up_similarity, f.margin FROM pgvoice.speaker AS s CROSS JOIN LATERAL"
            " pgvoice.speaker_segments(s.name, :encoder, :threshold, :margin) AS f"
            " ORDER BY 1, 2, 3",
            threshold=threshold,
            margin=margin,
        )

    def named(self, threshold: float | None, margin: float | None) -> list[tuple[object, ...]]:
        """The same from `pgvoice.identify`, video by video."""
        return self._rows(
            "SELECT v.key, i.start_s, i.end_s, i.speaker, i.similarity, i.runner_up,"
            " i.runner_up_similarity, i.margin FROM pgvoice.video AS v CROSS JOIN LATERAL"
            " pgvoice.identify(v.key, encoder => :encoder, threshold => :threshold,"
            " min_margin => :margin) AS i WHERE i.speaker IS NOT NULL ORDER BY 1, 2, 3",
            threshold=threshold,
            margin=margin,
        )

    def _rows(self, statement: str, **values: object) -> list[tuple[object, ...]]:
        result = self.connection.execute(text(statement), values | {"encoder": self.encoder.id})
        return [tuple(row) for row in result]

    def _run(self, statement: str, **values: object) -> None:
        self.connection.execute(text(statement), values | {"encoder": self.encoder.id})
