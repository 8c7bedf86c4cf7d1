"""Stored rows bit by bit, to compare them exactly."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import text

from pgvoice.store import EncoderIdentity, SegmentKey, SegmentRow, VoiceStore

#: Status, and the bytes of the vector if there is one.
Bits = tuple[str, bytes | None]


def bits(row: SegmentRow) -> Bits:
    return row.status, None if row.embedding is None else row.embedding.tobytes()


def all_bits(rows: Mapping[SegmentKey, SegmentRow]) -> dict[SegmentKey, Bits]:
    return {key: bits(row) for key, row in rows.items()}


def every_row(store: VoiceStore, video: str, encoder: EncoderIdentity) -> dict[SegmentKey, Bits]:
    """All rows of a video, also those of clean parts and of what nobody asks for any more."""
    with store.database.engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT DISTINCT s.start_ms, s.end_ms FROM pgvoice.segment_embedding AS s"
                " JOIN pgvoice.video AS v ON v.id = s.video_id WHERE v.key = :video"
            ),
            {"video": video},
        )
        keys = [SegmentKey(*row) for row in rows]
    return all_bits(store.recordings.read(video, encoder, keys))
