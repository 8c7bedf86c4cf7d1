"""Deleting cached vectors that are no longer wanted."""

from __future__ import annotations

from dataclasses import dataclass
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


def count(connection: Connection, selection: PruneSelection) -> int:
    """How many rows `prune` would delete; raises `ValueError` for an empty selection."""
    _require_something(selection)
    found: int = connection.scalar(
        text(f"SELECT count(*) FROM pgvoice.segment_embedding s WHERE {_FITTING}"),  # noqa: S608
        _parameters(selection),
    )
    return found


def prune(connection: Connection, selection: PruneSelection) -> int:
    """Delete segments' rows and return how many; videos, speakers and records of fills stay.

    Raises `ValueError` for an empty selection, which would mean everything.
    """
    _require_something(selection)
    deleted = connection.execute(
        text(f"DELETE FROM pgvoice.segment_embedding s WHERE {_FITTING}"),  # noqa: S608
        _parameters(selection),
    ).rowcount
    audit.record(connection, "prune", selection.video or "all videos", segments=deleted)
    return deleted


_FITTING = (
    "(CAST(:video AS text) IS NULL"
    " OR s.video_id = (SELECT id FROM pgvoice.video WHERE key = :video))"
    " AND (CAST(:encoder AS integer) IS NULL OR s.encoder_id = :encoder)"
    " AND (CAST(:age AS interval) IS NULL OR s.created_at < now() - CAST(:age AS interval))"
)


def _require_something(selection: PruneSelection) -> None:
    if selection == PruneSelection():
        raise ValueError("nothing selected: name a video, an encoder or an age")


def _parameters(selection: PruneSelection) -> dict[str, object]:
    return {
        "video": selection.video,
        "encoder": selection.encoder_id,
        "age": selection.older_than,
    }
