"""Moments in time, which always know their zone."""

from __future__ import annotations

from datetime import datetime


def require_zone(moment: datetime | None, what: str) -> None:
    """Raises `ValueError` for a moment without a zone, which the server would put in its own."""
    if moment is not None and moment.utcoffset() is None:
        raise ValueError(
            f"{what} {moment} has no time zone: give one, or use `.astimezone()` for this machine's"
        )
