"""Runs of labels, and what one changes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row


@dataclass(frozen=True, slots=True)
class LabelMove:
    """Segments whose label changes in the same way."""

    #: None if nobody was known; `from_reason` is None too if there was no label.
    from_speaker: str | None
    from_reason: str | None
    #: None if nobody is known; `to_reason` says why.
    to_speaker: str | None
    to_reason: str
    segments: int
    seconds: float
    video_count: int
    #: Up to 20 of these videos, those with the most seconds first.
    videos: tuple[str, ...]


def move(row: Row[Any]) -> LabelMove:
    """The move in a row of ``keep_labels`` or ``label_changes``."""
    return LabelMove(
        row.from_speaker,
        row.from_reason,
        row.to_speaker,
        row.to_reason,
        row.segments,
        row.seconds,
        row.video_count,
        tuple(row.longest_videos),
    )


@dataclass(frozen=True, slots=True)
class Relabelling:
    """What a run of labels changed, or would change."""

    #: None if nothing was kept: a dry run, or nothing changed.
    run: int | None
    #: All segments of the videos that were judged, and how many people speak in them.
    segments: int
    seconds: float
    speakers: int
    moves: tuple[LabelMove, ...]
    #: From a pinned label to what it would be without the pin.
    pinned: tuple[LabelMove, ...]
    #: Whose vectors were judged.
    encoder: str

    @property
    def changed(self) -> int:
        """Labels that are new or different."""
        return sum(move.segments for move in self.moves)

    @property
    def left_pinned(self) -> int:
        """Labels that stay only because they are pinned."""
        return sum(move.segments for move in self.pinned)


@dataclass(frozen=True, slots=True)
class LabelRun:
    """The labels that one command kept."""

    id: int
    #: ``label``, ``relabel`` or ``pin``.
    kind: str
    encoder: str
    #: None for a pin, or if the calibration decided.
    threshold: float | None
    margin: float | None
    #: The calibration that decided the threshold or the margin.
    calibration: int | None
    #: How many labels the run stored.
    changed: int
    #: How many of these are current.
    current: int
    created_at: datetime
    reverted_at: datetime | None
