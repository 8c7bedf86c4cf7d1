"""Deletes what may be kept no longer: voiceprints, unknown voices, and what old acts changed."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from pgvoice.store.privacy import audit, consents


@dataclass(frozen=True, slots=True)
class Retention:
    """What was deleted, or would be."""

    #: People whose exemplars and profiles are deleted because all their consents ended.
    speakers: tuple[str, ...]
    exemplars: int
    #: Number of old vectors of segments that belong to nobody.
    segments: int
    #: Unknown voices that no voice has joined for as long as the store keeps them.
    unknown_voices: int
    #: Acts that cannot be undone any more: too old, or they changed voiceprints of these people.
    acts: int
    dry_run: bool


def delete(connection: Connection, *, unattributed_days: int | None, dry_run: bool) -> Retention:
    """Delete all that has expired, or count it; see `Privacy.delete_expired`."""
    ended = connection.execute(_ENDED).all()
    found = Retention(
        tuple(name for _, name, _ in ended),
        sum(count for *_, count in ended),
        _unattributed(connection, unattributed_days, dry_run=dry_run),
        connection.scalar(_COUNT_VOICES if dry_run else _EXPIRE_VOICES) or 0,
        connection.scalar(_COUNT_ACTS if dry_run else _FORGET_ACTS) or 0,
        dry_run,
    )
    if not dry_run:
        for speaker_id, name, count in ended:
            audit.record(connection, "expire", name, exemplars=count)
            consents.forget_voice(connection, speaker_id)
    return found


def _unattributed(connection: Connection, days: int | None, *, dry_run: bool) -> int:
    """Delete old segments that belong to nobody, or count them; None is none of them."""
    if days is None:
        return 0
    if dry_run:
        return int(connection.execute(_COUNT_SEGMENTS, {"days": days}).scalar_one())
    deleted, videos = connection.execute(_DELETE_SEGMENTS, {"days": days}).one()
    if deleted:
        connection.execute(_RENEW_LINKS, {"videos": videos})
        audit.record(connection, "expire", "old segments", days=days, segments=deleted)
    return int(deleted)


_ENDED = text(
    "SELECT s.id, s.name, (SELECT count(*) FROM pgvoice.enrollment x WHERE x.speaker_id = s.id)"
    " FROM pgvoice.speaker s WHERE s.id IN (SELECT pgvoice_internal.unagreed_people())"
    " AND EXISTS (SELECT FROM pgvoice.enrollment x WHERE x.speaker_id = s.id)"
    " ORDER BY s.id FOR UPDATE"
)
_UNATTRIBUTED = """
FROM pgvoice.segment_embedding AS s
WHERE s.created_at < now() - make_interval(days => :days) AND s.embedding IS NOT NULL
  AND NOT EXISTS (
      SELECT FROM pgvoice.attribution AS a
      WHERE (a.video_id, a.start_ms, a.end_ms, a.encoder_id)
          = (s.video_id, s.start_ms, s.end_ms, s.encoder_id)
        AND a.current AND a.speaker_id IS NOT NULL
  )
  AND NOT EXISTS (
      SELECT FROM pgvoice.enrollment AS x
      WHERE (x.video_id, x.start_ms, x.end_ms, x.encoder_id)
          = (s.video_id, s.start_ms, s.end_ms, s.encoder_id)
  )
"""
_COUNT_SEGMENTS = text(f"SELECT count(*) {_UNATTRIBUTED}")
_DELETE_SEGMENTS = text(
    f"WITH gone AS (DELETE {_UNATTRIBUTED} RETURNING s.video_id)"  # noqa: S608 - of constants
    " SELECT count(*), array_agg(DISTINCT video_id) FROM gone"
)
#: Nothing about them is in the means of unknown voices afterwards.
_RENEW_LINKS = text("SELECT pgvoice_internal.renew_links(CAST(:videos AS bigint[]))")
_COUNT_VOICES = text("SELECT count(*) FROM pgvoice_internal.expired_voices()")
_EXPIRE_VOICES = text("SELECT pgvoice_internal.expire_voices()")
_COUNT_ACTS = text("SELECT count(*) FROM pgvoice_internal.acts_to_forget()")
_FORGET_ACTS = text("SELECT pgvoice_internal.forget_old_acts()")
