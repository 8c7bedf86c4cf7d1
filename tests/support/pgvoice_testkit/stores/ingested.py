"""What an ingest leaves in a store, without the numbers that the store gives."""

from __future__ import annotations

from sqlalchemy import text

from pgvoice.store import VoiceStore

#: By what it is: all rows of a kind. Which voices are linked is a list of groups.
_ROWS = {
    "recordings": "SELECT key, audio_sha256, duration_ms FROM pgvoice.video",
    "turns": "SELECT v.key, d.segmenter, t.place, t.start_s, t.end_s, t.start_ms, t.end_ms, t.label"
    " FROM pgvoice.turn AS t JOIN pgvoice.turn_document AS d USING (video_id)"
    " JOIN pgvoice.video AS v ON v.id = t.video_id",
    "segments": "SELECT v.key, s.start_ms, s.end_ms, s.status, s.embedding::text"
    " FROM pgvoice.segment_embedding AS s JOIN pgvoice.video AS v ON v.id = s.video_id",
    "voices": "SELECT v.key, o.label, o.clean_ms, o.speech_ms, o.segments, o.embedding::text"
    " FROM pgvoice.voice AS o JOIN pgvoice.video AS v ON v.id = o.video_id",
    "linked voices": "SELECT string_agg(v.key || ' ' || l.label, ', ' ORDER BY v.key, l.label)"
    " FROM pgvoice.linked_voice AS l JOIN pgvoice.video AS v ON v.id = l.video_id"
    " GROUP BY l.unknown_voice_id",
    "labels": "SELECT video, start_ms, end_ms, speaker, reason FROM pgvoice.label",
    "ingests": "SELECT ingest, video, state, error FROM pgvoice.ingest_video",
}


def everything(store: VoiceStore) -> dict[str, list[str]]:
    """The rows of each kind, in an order that does not depend on when they came."""
    with store.database.engine.connect() as connection:
        return {
            kind: sorted(map(str, connection.execute(text(query)))) for kind, query in _ROWS.items()
        }
