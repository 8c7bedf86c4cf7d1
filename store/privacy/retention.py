"""Retention: deletes voices whose consent ended, and old vectors that belong to nobody."""

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
    #: Number of old vectors that belong to nobody: of segments and of cohorts.
    segments: int
    dry_run: bool


_ENDED = """
SELECT s.id, s.name, (SELECT count(*) FROM pgvoice.enrollment AS x WHERE x.speaker_id = s.id)
FROM pgvoice.speaker AS s
WHERE EXISTS (SELECT FROM pgvoice.consent AS c WHERE c.speaker_id = s.id)
  AND NOT pgvoice_internal.has_consent(s.id)
  AND EXISTS (SELECT FROM pgvoice.enrollment AS x WHERE x.speaker_id = s.id)
ORDER BY s.id FOR UPDATE
"""
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
#: The cohorts of old calibrations.
_COHORTS = """
FROM pgvoice.cohort_voice AS k WHERE k.calibration_id IN (
    SELECT c.id FROM pgvoice.calibration AS c
    WHERE c.created_at < now() - make_interval(days => :days)
)
"""


def delete_expired(
    connection: Connection, unattributed_days: int | None, *, dry_run: bool
) -> Retention:
    """Delete voices whose consent ended; names, consents and labels are kept.

    This also deletes segments older than `unattributed_days` without a label that names somebody
    and without an exemplar (a later fill computes them again), and cohorts of older calibrations.
    None keeps both.
    """
    ended = connection.execute(text(_ENDED)).all()
    segments = 0
    if unattributed_days is not None:
        verb, days = "SELECT count(*)" if dry_run else "DELETE", {"days": unattributed_days}
        done = connection.execute(text(f"{verb} {_UNATTRIBUTED}"), days)
        segments = done.scalar_one() if dry_run else done.rowcount
        segments += connection.scalar(text(f"SELECT count(*) {_COHORTS}"), days)
        if not dry_run:
            connection.execute(text(f"DELETE {_COHORTS}"), days)
    found = Retention(
        tuple(name for _, name, _ in ended), sum(count for *_, count in ended), segments, dry_run
    )
    if not dry_run:
        for speaker_id, name, count in ended:
            consents.forget_voice(connection, speaker_id)
            audit.record(connection, "expire", name, exemplars=count)
        if segments:
            audit.record(
                connection, "expire", "old segments", days=unattributed_days, segments=segments
            )
    return found
