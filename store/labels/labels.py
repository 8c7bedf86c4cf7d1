"""``VoiceStore.labels``: keep answers as labels, judge them again, pin and revert them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, text

from pgvoice.store.database import locks
from pgvoice.store.database.connection import Database
from pgvoice.store.database.failures import refused_values
from pgvoice.store.errors import UnknownRun
from pgvoice.store.keys import SegmentKey, Span
from pgvoice.store.labels import pins, runs
from pgvoice.store.labels.current import Label, NamedSegment, SpeakerTime
from pgvoice.store.labels.runs import LabelMove, LabelRun, Relabelling
from pgvoice.store.labels.words import Word, said
from pgvoice.store.people import speakers as people
from pgvoice.store.privacy import audit
from pgvoice.store.recordings import encoders
from pgvoice.store.recordings import videos as stored_videos
from pgvoice.store.recordings.encoders import ASKED, ENCODER_LABEL, WhichEncoder
from pgvoice.store.recordings.typed_spans import ResolvedSpeech
from pgvoice.store.voices import acts

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
    "SELECT start_ms, end_ms, speaker, similarity, runner_up, margin, reason, pinned, encoder, run,"  # noqa: S608
    f" labelled_at FROM pgvoice.label WHERE video = :video AND encoder_id = {ASKED}"
    " ORDER BY start_ms, end_ms LIMIT :limit OFFSET :skip"
)
_NAMES = text(
    f"SELECT video, start_ms, end_ms, label, speaker, voice, {ENCODER_LABEL}"  # noqa: S608
    " FROM pgvoice.names_of_segments("
    "CAST(:videos AS text[]), CAST(:starts AS integer[]), CAST(:ends AS integer[]),"
    f" {ASKED})"
)
_RUNS = text(
    "SELECT r.id, r.kind, e.label, r.threshold, r.margin, r.calibration_id, r.changed,"
    " (SELECT count(*) FROM pgvoice.attribution a WHERE a.run_id = r.id AND a.current),"
    " r.created_at, r.reverted_at FROM pgvoice.attribution_run r"
    " JOIN pgvoice.encoder e ON e.id = r.encoder_id"
    " WHERE CAST(:before AS bigint) IS NULL OR r.id < :before ORDER BY r.id DESC LIMIT :limit"
)
_SPEAKER_TIME = text(
    f"SELECT speaker, video, segments, seconds, {ENCODER_LABEL}"  # noqa: S608
    " FROM pgvoice.speaker_time(:video, :encoder)"
    " LIMIT :limit OFFSET :skip"
)


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
        self,
        video: str,
        span: Span,
        speaker: str | None,
        *,
        holds: bool = True,
        new: bool = False,
        encoder: WhichEncoder = None,
    ) -> int | None:
        """Say who speaks in a segment, None for nobody known, or who does not unless it `holds`.

        Identification and label runs obey it with every encoder, and the stored labels change at
        once. A span means segments as in `Recordings.resolve`, or a turn that is not filled yet;
        several are pinned together. `new` adds somebody who is not enrolled. Returns the pin's own
        run, or None if no label changed. Raises `UnknownVideo`, `NewName`, `InvalidSegment`,
        `AmbiguousSpan`, `OptedOut`, `SpeechErased`, and `UnknownLabel` if there is no such segment.
        """
        with self._saying(video) as connection:
            keys = pins.meant(connection, video, span, encoder, self._grid_ms, "segment")
            return pins.pin(connection, video, keys, speaker, holds=holds, new=new)

    def pin_segments(
        self,
        video: str,
        keys: Sequence[SegmentKey],
        speaker: str | None,
        *,
        holds: bool = True,
        new: bool = False,
    ) -> int | None:
        """Pin several segments together, as `pin` does."""
        with self._saying(video) as connection:
            return pins.pin(connection, video, keys, speaker, holds=holds, new=new)

    def pin_label(
        self,
        video: str,
        label: str,
        speaker: str | None,
        *,
        holds: bool = True,
        new: bool = False,
    ) -> int | None:
        """Pin all turns of a diarizer's label, filled or not, as `pin` does.

        Also of a voice that the store grouped, such as ``?1``. Raises `UnknownTurnLabel`.
        """
        with self._saying(video) as connection:
            keys = pins.labelled(connection, video, label).segments
            return pins.pin(connection, video, keys, speaker, holds=holds, new=new)

    def pin_people(
        self, video: str, spoken: Mapping[str, Sequence[SegmentKey]], *, new: bool = False
    ) -> int:
        """Pin the segments of several people, as `pin` does; returns the number of the act."""
        with self._saying(video) as connection:
            act = acts.begin(connection, "import labels", video, names=sorted(spoken))
            for name, keys in spoken.items():
                pins.pin(connection, video, keys, name, holds=True, new=new)
            return act

    def unpin(self, video: str, span: Span, *, encoder: WhichEncoder = None) -> int:
        """Forget what was said of the segments that a span means; returns of how many it was.

        The labels from runs become current again. Raises `UnknownVideo`, `AmbiguousSpan`, and
        `UnknownLabel` if nothing was said of them.
        """
        with self._saying(video) as connection:
            keys = pins.meant(connection, video, span, encoder, self._grid_ms, "pinned label")
            return pins.unpin(connection, video, keys)

    def unpin_segments(self, video: str, keys: Sequence[SegmentKey]) -> int:
        """Forget what was said of several segments, as `unpin` does."""
        with self._saying(video) as connection:
            return pins.unpin(connection, video, keys)

    def unpin_label(self, video: str, label: str) -> int:
        """Forget what was said of a diarizer's label, as `unpin` does."""
        with self._saying(video) as connection:
            return pins.unpin(connection, video, pins.labelled(connection, video, label).segments)

    def resolve(
        self,
        video: str,
        spans: Iterable[Span] = (),
        labels: Iterable[str] = (),
        *,
        encoder: WhichEncoder = None,
    ) -> list[ResolvedSpeech]:
        """The segments that spans and diarizer's labels mean to `pin` and `pin_label`."""
        with self._database.engine.connect() as connection:
            stored_videos.require(connection, video)
            found = [
                pins.resolved(connection, video, span, encoder, self._grid_ms) for span in spans
            ]
            return found + [pins.labelled(connection, video, label) for label in labels]

    def words(self, video: str) -> list[Word]:
        """What people said of a recording, in the order in which they said it.

        Raises `UnknownVideo`.
        """
        with self._database.engine.connect() as connection:
            stored_videos.require(connection, video)
            return said(connection, video)

    @contextmanager
    def _saying(self, video: str) -> Iterator[Connection]:
        with self._database.engine.begin() as connection:
            _hold(connection)
            stored_videos.require(connection, video, held=True)
            yield connection

    def current(
        self,
        video: str,
        *,
        encoder: WhichEncoder = None,
        limit: int | None = None,
        skip: int = 0,
    ) -> list[Label]:
        """The current labels of a video, in time order. Raises `UnknownVideo`, `UnknownEncoder`."""
        with self._database.engine.connect() as connection:
            stored_videos.require(connection, video)
            found = encoders.asked(connection, encoder)
            values = {"video": video, "encoder": found, "limit": limit, "skip": skip}
            return [Label(*row) for row in connection.execute(_LABELS, values)]

    def of_segments(
        self, segments: Iterable[tuple[str, SegmentKey]], *, encoder: WhichEncoder = None
    ) -> list[NamedSegment]:
        """Who speaks in segments of several recordings, one answer each, in order.

        All is None in the answer for a segment that is not stored.
        """
        asked = list(segments)
        values = {
            "videos": [video for video, _ in asked],
            "starts": [key.start_ms for _, key in asked],
            "ends": [key.end_ms for _, key in asked],
        }
        with refused_values(), self._database.engine.connect() as connection:
            which = {"encoder": encoders.asked(connection, encoder)}
            return [NamedSegment(*row) for row in connection.execute(_NAMES, values | which)]

    def runs(self, *, before: int | None = None, limit: int | None = None) -> list[LabelRun]:
        """The runs, or so many before one, the newest first."""
        with self._database.engine.connect() as connection:
            rows = connection.execute(_RUNS, {"before": before, "limit": limit})
            return [LabelRun(*row) for row in rows]

    def speaker_time(
        self,
        video: str | None = None,
        *,
        encoder: WhichEncoder = None,
        limit: int | None = None,
        skip: int = 0,
    ) -> list[SpeakerTime]:
        """How long everybody speaks, per video, from the current labels. Raises `UnknownVideo`."""
        with self._database.engine.connect() as connection:
            if video is not None:
                stored_videos.require(connection, video)
            rows = connection.execute(
                _SPEAKER_TIME,
                {
                    "video": video,
                    "encoder": encoders.find(connection, encoder).id,
                    "limit": limit,
                    "skip": skip,
                },
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
            speakers=len({_kept_speaker(row) for row in rows} - {None}),
            moves=_moves(rows, "changed"),
            pinned=_moves(rows, "pinned"),
            encoder=str(found.identity),
        )


def _hold(connection: Connection) -> None:
    """Wait until nobody else changes labels. Raises `LockHeld`."""
    with locks.patient(connection, "labelling", locks.PATIENCE):
        connection.execute(_HOLD)


def _named(keys: Sequence[str] | None) -> str:
    if not keys:
        return "all videos"
    return keys[0] if len(keys) == 1 else f"{keys[0]} and {len(keys) - 1:,} more"


def _moves(rows: Sequence[Row[Any]], outcome: str) -> tuple[LabelMove, ...]:
    return tuple(runs.move(row) for row in rows if row.outcome == outcome)


def _kept_speaker(row: Row[Any]) -> str | None:
    """The speaker that the labels of a move have; a pin stays."""
    name: str | None = row.from_speaker if row.outcome == "pinned" else row.to_speaker
    return name
