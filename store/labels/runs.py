"""Runs of labels: keeping, previewing and reverting them, and pins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from pgvoice.store.errors import UnknownLabel, UnknownRun
from pgvoice.store.keys import SegmentKey
from pgvoice.store.people import speakers
from pgvoice.store.privacy import audit
from pgvoice.store.recordings import videos


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


def keep(
    connection: Connection,
    keys: Sequence[str] | None,
    encoder_id: int,
    threshold: float | None,
    min_margin: float | None,
    *,
    only_labelled: bool,
    dry_run: bool,
) -> Relabelling:
    """Keep the answers of identification for these videos, or for all (None), as a run.

    A dry run changes no label, but stores the new comparisons that it makes. `only_labelled`
    skips videos without labels. Raises `UnknownVideo`.
    """
    for key in keys or ():
        videos.require(connection, key)
    rows = connection.execute(
        text(
            "SELECT outcome, run, from_speaker, from_reason, to_speaker, to_reason, segments,"
            " seconds, video_count, longest_videos FROM pgvoice.keep_labels(:videos, :encoder,"
            " :threshold, :min_margin, :only_labelled, :dry_run)"
        ),
        {
            "videos": None if keys is None else list(keys),
            "encoder": encoder_id,
            "threshold": threshold,
            "min_margin": min_margin,
            "only_labelled": only_labelled,
            "dry_run": dry_run,
        },
    ).all()
    run = next((row.run for row in rows), None)
    if run is not None and not dry_run:
        changed = sum(row.segments for row in rows if row.outcome == "changed")
        kind = "relabel" if only_labelled else "label"
        audit.record(connection, kind, _named(keys), run=run, labels=changed)
    return Relabelling(
        run=run,
        segments=sum(row.segments for row in rows),
        seconds=sum(row.seconds for row in rows),
        speakers=len({row.to_speaker for row in rows} - {None}),
        moves=_moves(rows, "changed"),
        pinned=_moves(rows, "pinned"),
    )


def _named(keys: Sequence[str] | None) -> str:
    if not keys:
        return "all videos"
    return keys[0] if len(keys) == 1 else f"{keys[0]} and {len(keys) - 1:,} more"


def _moves(rows: Sequence[Row[Any]], outcome: str) -> tuple[LabelMove, ...]:
    return tuple(
        LabelMove(
            row.from_speaker,
            row.from_reason,
            row.to_speaker,
            row.to_reason,
            row.segments,
            row.seconds,
            row.video_count,
            tuple(row.longest_videos),
        )
        for row in rows
        if row.outcome == outcome
    )


def runs(connection: Connection) -> list[LabelRun]:
    """Every run, the newest first."""
    rows = connection.execute(
        text(
            "SELECT r.id, r.kind, e.label, r.threshold, r.margin,"
            " r.calibration_id, r.changed,"
            " (SELECT count(*) FROM pgvoice.attribution a WHERE a.run_id = r.id AND a.current),"
            " r.created_at, r.reverted_at FROM pgvoice.attribution_run r"
            " JOIN pgvoice.encoder e ON e.id = r.encoder_id ORDER BY r.id DESC"
        )
    )
    return [LabelRun(*row) for row in rows]


def revert(connection: Connection, run: int) -> int:
    """Revert a run; returns how many of its labels were current.

    Raises `UnknownRun`, and `ValueError` if the run is reverted already.
    """
    _hold(connection)
    reverted = connection.execute(
        text("SELECT reverted_at FROM pgvoice.attribution_run WHERE id = :run"), {"run": run}
    ).one_or_none()
    if reverted is None:
        raise UnknownRun(run)
    if reverted[0] is not None:
        raise ValueError(f"run {run} was reverted already, at {reverted[0]:%Y-%m-%d %H:%M}")
    withdrawn: int = connection.scalar(text("SELECT pgvoice.revert_labels(:run)"), {"run": run})
    audit.record(connection, "revert labels", f"run {run}", labels=withdrawn)
    return withdrawn


def pin(
    connection: Connection, video: str, key: SegmentKey, speaker: str | None, encoder_id: int
) -> int:
    """Set who speaks in a segment, None for nobody known; returns the pin's run.

    Raises `UnknownVideo`, `UnknownSpeaker`, and `UnknownLabel` if the segment is not stored.
    """
    _hold(connection)
    video_id = videos.require(connection, video, held=True)
    if speaker is not None:
        speakers.require(connection, speaker)
    place = {"video": video, "start": key.start_ms, "end": key.end_ms, "encoder": encoder_id}
    if not connection.scalar(
        text("SELECT pgvoice_internal.has_segment(:video, :start, :end, :encoder)"),
        place | {"video": video_id},
    ):
        raise UnknownLabel(video, (key.start_s, key.end_s), "segment")
    run: int = connection.scalar(
        text("SELECT pgvoice.pin_label_ms(:video, :start, :end, :speaker, :encoder)"),
        place | {"speaker": speaker},
    )
    audit.record(connection, "pin", video, run=run, speaker=speaker)
    return run


def unpin(connection: Connection, video: str, key: SegmentKey, encoder_id: int) -> None:
    """Remove a segment's pins. Raises `UnknownVideo`, and `UnknownLabel` if it has none."""
    videos.require(connection, video)
    pins = connection.scalar(
        text("SELECT pgvoice.unpin_label_ms(:video, :start, :end, :encoder)"),
        {"video": video, "start": key.start_ms, "end": key.end_ms, "encoder": encoder_id},
    )
    if not pins:
        raise UnknownLabel(video, (key.start_s, key.end_s), "pinned label")


def _hold(connection: Connection) -> None:
    connection.execute(text("SELECT pgvoice_internal.hold_labels()"))
