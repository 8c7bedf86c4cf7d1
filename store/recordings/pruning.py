"""Deleting cached vectors that are no longer wanted."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta

from sqlalchemy import Connection, text

from pgvoice.store.privacy import audit


@dataclass(frozen=True, slots=True)
class PruneSelection:
    """The cached segments to delete: those that meet every condition given."""

    video: str | None = None
    encoder_id: int | None = None
    #: Written longer ago than this, by the server's clock.
    older_than: timedelta | None = None


def prune(connection: Connection, selection: PruneSelection, *, dry_run: bool = False) -> int:
    """Delete segments' rows, or only count them; videos, speakers and records of fills stay."""
    if selection == PruneSelection():
        raise ValueError("nothing selected: name a video, an encoder or an age")
    verb = "SELECT count(*)" if dry_run else "DELETE"
    done = connection.execute(text(f"{verb} {_FITTING}"), asdict(selection))
    if dry_run:
        return int(done.scalar_one())
    audit.record(connection, "prune", selection.video or "all videos", segments=done.rowcount)
    return done.rowcount


_FITTING = """
FROM pgvoice.segment_embedding s
WHERE (CAST(:video AS text) IS NULL
    OR s.video_id = (SELECT id FROM pgvoice.video WHERE key = :video))
  AND (CAST(:encoder_id AS integer) IS NULL OR s.encoder_id = :encoder_id)
  AND (CAST(:older_than AS interval) IS NULL
    OR s.created_at < now() - CAST(:older_than AS interval))
"""
