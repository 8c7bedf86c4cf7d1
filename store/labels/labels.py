"""``VoiceStore.labels``: keep answers as labels, judge them again, pin and revert them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, text
from sqlalchemy.exc import DBAPIError

from pgvoice.store.database import locks
from pgvoice.store.database.connection import Database
from pgvoice.store.database.failures import NO_DATA_FOUND, refused_values, sqlstate
from pgvoice.store.errors import NoSegment, UnknownLabel, UnknownRun
from pgvoice.store.keys import SegmentKey, Span, snap_segment
from pgvoice.store.labels.current import Label, SpeakerTime
from pgvoice.store.labels.runs import LabelMove, LabelRun, Relabelling
from pgvoice.store.people import speakers as people
from pgvoice.store.privacy import audit
from pgvoice.store.recordings import encoders
from pgvoice.store.recordings import videos as stored_videos
from pgvoice.store.recordings.encoders import WhichEncoder
from pgvoice.store.recordings.typed_spans import resolve

_HOLD = text("SELECT pgvoice_internal.hold_labels()")
_REFRESH_VOICES = text("SELECT pgvoice.refresh_voices(CAST(:videos AS text[]), :encoder)")
_MAY_REFRESH = text(
    "SELECT has_function_privilege('pgvoice.refresh_voices(text[], integer)', 'EXECUTE')"
)
_KEEP = text(
    "SELECT outcome, run, from_speaker, from_reason, to_speaker, to_reason, segments, seconds,"
    " video_count, longest_videos FROM pgvoice.keep_labels(:videos, :encoder, :threshold,"
    " :min_margin, :only_labelled, :dry_run, :clusters, CAST(:speakers AS text[]),"
    " :one_label_one_name)"
)
_LABELS = text(
    "SELECT start_ms, end_ms, speaker, similarity, runner_up, margin, reason, pinned, encoder, run,"
    " labelled_at FROM pgvoice.label WHERE video = :video AND"
    " (CAST(:encoder AS integer) IS NULL OR encoder_id = :encoder)"
    " ORDER BY start_ms, end_ms, encoder_id"
)
_RUNS = text(
    "SELECT r.id, r.kind, e.label, r.threshold, r.margin, r.calibration_id, r.changed,"
    " (SELECT count(*) FROM pgvoice.attribution a WHERE a.run_id = r.id AND a.current),"
    " r.created_at, r.reverted_at FROM pgvoice.attribution_run r"
    " JOIN pgvoice.encoder e ON e.id = r.encoder_id ORDER BY r.id DESC"
)
_SPEAKER_TIME = text(
    "SELECT speaker, video, segments, seconds FROM pgvoice.speaker_time(:video, :encoder)"
)
_PIN = text(
    "SELECT pgvoice.pin_labels(:video, CAST(:starts AS integer[]), CAST(:ends AS integer[]),"
    " :speaker, :encoder)"
)
_UNPIN = text("SELECT pgvoice.unpin_label(:video, :start, :end, :encoder)")


class _How(NamedTuple):
    """How segments are judged: arguments of `Labels.label`."""

    threshold: float | None
    min_margin: float | None
    clusters: bool
    speakers: Iterable[str] | None
    one_label_one_name: bool
    dry_run: bool


class Labels:
    """Kept labels and their runs; each call is a transaction."""

    def __init__(self, database: Database, grid_ms: int) -> None:
        self._database = database
        self._grid_ms = grid_ms

    def label(
        self,
        videos: Iterable[str] | None = None,
        *,
        encoder: WhichEncoder = None,
        threshold: float | None = None,
        min_margin: float | None = None,
        clusters: bool = True,
        speakers: Iterable[str] | None = None,
        one_label_one_name: bool = False,
        dry_run: bool = False,
    ) -> Relabelling:
        """Keep who speaks in these videos, or in all, as a run.

        Turns with the same label are judged together, as `answers.identify_clusters` does, unless
        `clusters` is false. Only `speakers` can be named; by default, everybody who is enrolled.
        `one_label_one_name` is that of `answers.identify_clusters`. A run stores the labels whose
        speaker or reason changes; pinned labels stay. Raises `UnknownVideo`, `UnknownEncoder`,
        `UnknownSpeaker`.
        """
        how = _How(threshold, min_margin, clusters, speakers, one_label_one_name, dry_run)
        return self._keep(videos, encoder, how, only_labelled=False)

    def relabel(
        self,
        videos: Iterable[str] | None = None,
        *,
        encoder: WhichEncoder = None,
        threshold: float | None = None,
        min_margin: float | None = None,
        clusters: bool = True,
        speakers: Iterable[str] | None = None,
        one_label_one_name: bool = False,
        dry_run: bool = False,
    ) -> Relabelling:
        """Judge again what is labelled, in these videos or in all, as `label` does."""
        how = _How(threshold, min_margin, clusters, speakers, one_label_one_name, dry_run)
        return self._keep(videos, encoder, how, only_labelled=True)

    def revert(self, run: int) -> int:
        """Revert a run, so that the labels before it become current again.

        Returns how many of its labels were current. Raises `UnknownRun`, and `ValueError` if the
        run is reverted already.
        """
        with self._database.engine.begin() as connection:
            _hold(connection)
            reverted = connection.execute(
                text("SELECT reverted_at FROM pgvoice.attribution_run WHERE id = :run"),
                {"run": run},
            ).one_or_none()
            if reverted is None:
                raise UnknownRun(run)
            if reverted[0] is not None:
                raise ValueError(f"run {run} was reverted already, at {reverted[0]:%Y-%m-%d %H:%M}")
            withdrawn: int = connection.scalar(
                text("SELECT pgvoice.revert_labels(:run)"), {"run": run}
            )
            audit.record(connection, "revert labels", f"run {run}", labels=withdrawn)
            return withdrawn

    def pin(
        self, video: str, span: Span, speaker: str | None, *, encoder: WhichEncoder = None
    ) -> int:
        """Set who speaks in a segment, None for nobody known; no run changes a pinned label.

        A span means segments as in `Recordings.resolve`; several are pinned together. Returns the
        pin's own run. Raises `UnknownVideo`, `UnknownSpeaker`, `InvalidSegment`, `AmbiguousSpan`,
        and `UnknownLabel` if the segment is not stored.
        """
        with self._database.engine.begin() as connection:
            found = encoders.find(connection, encoder).id
            _hold(connection)
            stored_videos.require(connection, video, held=True)
            keys = self._meant(connection, video, span, found, "segment")
            return _pin(connection, video, keys, speaker, found)

    def pin_segments(
        self,
        video: str,
        keys: Sequence[SegmentKey],
        speaker: str | None,
        *,
        encoder: WhichEncoder = None,
    ) -> int:
        """Pin several stored segments in one run, as `pin` does."""
        with self._database.engine.begin() as connection:
            found = encoders.find(connection, encoder).id
            _hold(connection)
            stored_videos.require(connection, video, held=True)
            return _pin(connection, video, keys, speaker, found)

    def pin_people(
        self,
        video: str,
        spoken: Mapping[str, Sequence[SegmentKey]],
        *,
        new: bool = False,
        encoder: WhichEncoder = None,
    ) -> int | None:
        """Pin the stored segments of several people together, as `pin` does; one act."""
        with self._database.engine.begin() as connection:
            found = encoders.find(connection, encoder).id
            _hold(connection)
            stored_videos.require(connection, video, held=True)
            run = None
            for name, keys in spoken.items():
                run = _pin(connection, video, keys, name, found)
            return run

    def unpin(self, video: str, span: Span, *, encoder: WhichEncoder = None) -> int:
        """Remove the pins of the segments that a span means; returns how many segments had some.

        Raises `UnknownVideo`, `AmbiguousSpan`, and `UnknownLabel` if no segment has a pin.
        """
        with self._database.engine.begin() as connection:
            stored_videos.require(connection, video)
            found = encoders.find(connection, encoder).id
            keys = self._meant(connection, video, span, found, "pinned label")
            return _unpin(connection, video, keys, found)

    def unpin_segments(
        self, video: str, keys: Sequence[SegmentKey], *, encoder: WhichEncoder = None
    ) -> int:
        """Remove the pins of several segments, as `unpin` does."""
        with self._database.engine.begin() as connection:
            stored_videos.require(connection, video)
            return _unpin(connection, video, keys, encoders.find(connection, encoder).id)

    def _meant(
        self, connection: Connection, video: str, span: Span, encoder_id: int, what: str
    ) -> tuple[SegmentKey, ...]:
        key = snap_segment(span, self._grid_ms)
        try:
            return resolve(connection, video, span, encoder_id).segments
        except NoSegment as error:
            times = (key.start_s, key.end_s)
            raise UnknownLabel(video, times, what, error.nearest) from None

    def current(self, video: str, *, encoder: WhichEncoder = None) -> list[Label]:
        """The current labels of a video, in time order. Raises `UnknownVideo`."""
        with self._database.engine.connect() as connection:
            stored_videos.require(connection, video)
            found = None if encoder is None else encoders.find(connection, encoder).id
            rows = connection.execute(_LABELS, {"video": video, "encoder": found})
            return [Label(*row) for row in rows]

    def runs(self) -> list[LabelRun]:
        """Every run, the newest first."""
        with self._database.engine.connect() as connection:
            return [LabelRun(*row) for row in connection.execute(_RUNS)]

    def speaker_time(
        self, video: str | None = None, *, encoder: WhichEncoder = None
    ) -> list[SpeakerTime]:
        """How long everybody speaks, per video, from the current labels. Raises `UnknownVideo`."""
        with self._database.engine.connect() as connection:
            if video is not None:
                stored_videos.require(connection, video)
            rows = connection.execute(
                _SPEAKER_TIME,
                {"video": video, "encoder": encoders.find(connection, encoder).id},
            )
            return [SpeakerTime(*row) for row in rows]

    def _keep(
        self,
        videos: Iterable[str] | None,
        encoder: WhichEncoder,
        how: _How,
        *,
        only_labelled: bool,
    ) -> Relabelling:
        """A dry run changes no label, but stores the new comparisons that it makes."""
        keys = None if videos is None else list(videos)
        with refused_values(), self._database.engine.begin() as connection:
            found = encoders.find(connection, encoder)
            for key in keys or ():
                stored_videos.require(connection, key)
            among = people.known(connection, how.speakers)
            # Committed at once, so that no fill waits until the labels are stored.
            # Whoever may not is refused below, where the role that may is named.
            if connection.scalar(_MAY_REFRESH):
                connection.execute(_REFRESH_VOICES, {"videos": keys, "encoder": found.id})
        with refused_values(), self._database.engine.begin() as connection:
            _hold(connection)
            rows = connection.execute(
                _KEEP,
                {
                    **how._asdict(),
                    "speakers": among,
                    "videos": keys,
                    "encoder": found.id,
                    "only_labelled": only_labelled,
                },
            ).all()
            run = rows[0].run if rows else None
            if run is not None:
                changed = sum(row.segments for row in rows if row.outcome == "changed")
                kind = "relabel" if only_labelled else "label"
                roster = {} if among is None else {"speakers": sorted(set(among))}
                audit.record(connection, kind, _named(keys), run=run, labels=changed, **roster)
        return Relabelling(
            run=run,
            segments=sum(row.segments for row in rows),
            seconds=sum(row.seconds for row in rows),
            speakers=len({row.to_speaker for row in rows} - {None}),
            moves=_moves(rows, "changed"),
            pinned=_moves(rows, "pinned"),
        )


def _pin(
    connection: Connection,
    video: str,
    keys: Sequence[SegmentKey],
    speaker: str | None,
    encoder_id: int,
) -> int:
    """Pin segments of a known video; the labels are held."""
    if not keys:
        raise ValueError("no segments to pin")
    if speaker is not None:
        people.require(connection, speaker)
    values = {
        "video": video,
        "starts": [key.start_ms for key in keys],
        "ends": [key.end_ms for key in keys],
        "speaker": speaker,
        "encoder": encoder_id,
    }
    try:
        run: int = connection.scalar(_PIN, values)
    except DBAPIError as error:
        if sqlstate(error) != NO_DATA_FOUND:
            raise
        raise UnknownLabel(video, (keys[0].start_s, keys[-1].end_s), "segment") from None
    audit.record(connection, "pin", video, run=run, speaker=speaker)
    return run


def _unpin(connection: Connection, video: str, keys: Sequence[SegmentKey], encoder_id: int) -> int:
    if not keys:
        raise ValueError("no segments to unpin")
    values = {"video": video, "encoder": encoder_id}
    pins = [
        connection.scalar(_UNPIN, values | {"start": key.start_s, "end": key.end_s})
        for key in dict.fromkeys(keys)
    ]
    if not any(pins):
        raise UnknownLabel(video, (keys[0].start_s, keys[-1].end_s), "pinned label")
    return sum(map(bool, pins))


def _hold(connection: Connection) -> None:
    """Wait until nobody else changes labels. Raises `LockHeld`."""
    with locks.patient(connection, "labelling", locks.PATIENCE):
        connection.execute(_HOLD)


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
