"""Checks of a store, and a sample of its vectors to compute again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection, text

from pgvoice.store.keys import SegmentKey
from pgvoice.store.recordings.segment_rows import SegmentRow

#: How many of the kept comparisons are computed again.
SAMPLE = 10_000


@dataclass(frozen=True, slots=True)
class StoreCheck:
    """The result of one check."""

    what: str
    looked_at: int
    problems: int
    #: One of the problems; None if there are none.
    example: str | None


@dataclass(frozen=True, slots=True)
class SampledSegment:
    """A stored vector, and the audio that it was computed from."""

    video: str
    #: The file name at that time.
    source: str | None
    audio_sha256: str | None
    row: SegmentRow


def verify(connection: Connection, sample: int = SAMPLE) -> list[StoreCheck]:
    """The results of all checks, including those without a problem."""
    rows = connection.execute(text("SELECT * FROM pgvoice.verify(:sample)"), {"sample": sample})
    return [StoreCheck(*row) for row in rows]


def sampled(connection: Connection, encoder_id: int, number: int) -> list[SampledSegment]:
    """Randomly chosen vectors of an encoder, by video and time."""
    rows = connection.execute(
        text(
            "SELECT v.key, v.source, v.audio_sha256, s.start_ms, s.end_ms, s.status,"
            " CAST(s.embedding AS real[]) FROM (SELECT video_id, start_ms, end_ms, encoder_id"
            " FROM pgvoice.segment_embedding WHERE encoder_id = :encoder AND embedding IS NOT NULL"
            " ORDER BY random() LIMIT :number) AS chosen JOIN pgvoice.segment_embedding AS s"
            " USING (video_id, start_ms, end_ms, encoder_id)"
            " JOIN pgvoice.video AS v ON v.id = s.video_id ORDER BY v.key, s.start_ms, s.end_ms"
        ),
        {"encoder": encoder_id, "number": number},
    )
    return [
        SampledSegment(
            video,
            source,
            audio_sha256,
            SegmentRow(SegmentKey(start_ms, end_ms), status, np.asarray(vector, np.float32)),
        )
        for video, source, audio_sha256, start_ms, end_ms, status, vector in rows
    ]
