"""``VoiceStore.recordings``: recordings, encoders and stored vectors."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from typing import NamedTuple

from sqlalchemy import text

from pgvoice.store.database.connection import Database
from pgvoice.store.database.failures import refused_values
from pgvoice.store.errors import VideoErased
from pgvoice.store.keys import SegmentKey, Span, snap_ms
from pgvoice.store.names import checked, is_text
from pgvoice.store.recordings import (
    encoders,
    fills,
    hearing,
    joining,
    listing,
    segments,
    statistics,
    turns,
    typed_spans,
    videos,
)
from pgvoice.store.recordings.encoders import (
    ENCODER_ID,
    EncoderIdentity,
    Threshold,
    WhichEncoder,
)
from pgvoice.store.recordings.fills import FillRun, Hold
from pgvoice.store.recordings.hearing import Hearable
from pgvoice.store.recordings.listing import (
    Coverage,
    LibraryTotals,
    StoredVideo,
    VideoOrder,
    VideoSummary,
)
from pgvoice.store.recordings.segment_rows import SegmentRow
from pgvoice.store.recordings.segments import MissingSegments, PruneSelection
from pgvoice.store.recordings.statistics import CacheStatistics
from pgvoice.store.recordings.turns import OnTurns, TurnSource, TurnsStored
from pgvoice.store.recordings.typed_spans import ResolvedSpeech
from pgvoice.store.recordings.videos import OnAudioChange, VideoAudio
from pgvoice.store.turns import Turn


class Registered(NamedTuple):
    """The ids of a video and an encoder."""

    video_id: int
    encoder_id: int
    #: Whether the vectors of other audio were deleted.
    replaced: bool


class Recordings:
    """Videos, their stored vectors, and records of fills; each call is a transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def missing(
        self,
        video: str,
        encoder: EncoderIdentity,
        keys: Sequence[SegmentKey],
        labels: Sequence[str | None] | None = None,
        on_turns: OnTurns = "replace",
    ) -> MissingSegments:
        """The keys without a row of this encoder, in time order, by one SELECT.

        With `labels`, one for each key, these are turns, and the clean parts of those that others
        overlap are asked for too; with `on_turns` ``add``, together with the stored turns. Raises
        `ValueError` if `video` cannot be a video's key.
        """
        checked(video, "a video's key")
        with self._database.engine.connect() as connection:
            if labels is None:
                return segments.missing(connection, video, encoder, keys)
            return segments.missing_of_turns(connection, video, encoder, keys, labels, on_turns)

    def erased(self, video: str, keys: Sequence[SegmentKey]) -> set[SegmentKey]:
        """Those of the keys whose speech was erased: no vector of them may be stored."""
        with self._database.engine.connect() as connection:
            return segments.erased(connection, video, keys)

    def read(
        self, video: str, encoder: EncoderIdentity, keys: Sequence[SegmentKey]
    ) -> dict[SegmentKey, SegmentRow]:
        """The rows of those keys that are stored."""
        with self._database.engine.connect() as connection:
            return segments.read(connection, video, encoder, keys)

    def keys(self, video: str, *, encoder: WhichEncoder = None) -> list[SegmentKey]:
        """The segments of a recording that have a row of an encoder, in time order.

        Raises `UnknownVideo`, `UnknownEncoder`.
        """
        with self._database.engine.connect() as connection:
            videos.require(connection, video)
            return segments.keys(connection, video, encoders.find(connection, encoder).id)

    def filling(self, video: str) -> AbstractContextManager[Hold]:
        """Lock the fills of a video: others, in any process, wait until this one is done.

        The lock has a connection of its own, so that fills never wait for each other's connections.
        """
        return fills.holding(self._database.unpooled.connect(), video)

    def register(
        self,
        video: str,
        audio: VideoAudio | None,
        encoder: EncoderIdentity,
        threshold: Threshold,
        on_audio_change: OnAudioChange = "raise",
    ) -> Registered:
        """Register a video and an encoder, and remember the audio; None if it was not read.

        Raises `ValueError` for an empty key, and `AudioChanged` and `SpeechErased` as
        `videos.remember_audio` does.
        """
        with self._database.engine.begin() as connection:
            video_id = videos.ensure(connection, video)
            replaced = audio is not None and videos.remember_audio(
                connection, video_id, video, audio, on_audio_change
            )
            return Registered(video_id, encoders.ensure(connection, encoder, threshold), replaced)

    def write(self, to: Registered, encoder: EncoderIdentity, rows: list[SegmentRow]) -> None:
        """Commit a batch of segments' rows of a registered video and encoder.

        Raises `RowsStored`, `VideoErased`, `SpeechErased`, `RowsRefused`.
        """
        with self._database.engine.begin() as connection:
            segments.write(connection, to.video_id, to.encoder_id, encoder.dimension, rows)

    def store_turns(
        self,
        video: str,
        given: Sequence[Turn],
        *,
        source: str | None = None,
        add: bool = False,
        segmenter: str | None = None,
    ) -> TurnsStored:
        """Store the turns of a video instead of those it has, or besides them with `add`.

        Their times must be valid. `source` is the file that they come from, or `segmenter` found
        them in the audio. While a video has turns, their segments are the ones that are identified
        and labelled. Raises `UnknownVideo`.
        """
        with self._database.engine.begin() as connection:
            return turns.store(connection, video, given, source, add=add, segmenter=segmenter)

    def join_labels(
        self, video: str, encoder: EncoderIdentity, given: Sequence[Turn]
    ) -> list[str | None]:
        """A label for each turn that stands for one person: SPEAKER_00 is the first who speaks.

        For turns whose labels hold only while somebody speaks on, once their segments and clean
        parts are filled. Labels with similar voices are joined, unless they speak at the same time;
        one without a voice gets the label of the nearest turn. None without a label, and where
        speech was erased. The times must be valid. Raises `UnknownVideo`.
        """
        with self._database.engine.connect() as connection:
            videos.require(connection, video)
            return joining.join_labels(connection, video, encoder, given)

    def stale_turns(self, given: Mapping[str, Sequence[Turn]]) -> set[str]:
        """Which of these videos the store has with other turns, by one SELECT.

        The times must be valid. Videos that the store does not know are left out.
        """
        with self._database.engine.connect() as connection:
            return turns.stale(connection, given)

    def turns(self, video: str, *, limit: int | None = None, skip: int = 0) -> list[Turn] | None:
        """The stored turns, in their document's order; None if none were ever stored.

        Raises `UnknownVideo`.
        """
        with self._database.engine.connect() as connection:
            videos.require(connection, video)
            return turns.read(connection, video, limit=limit, skip=skip)

    def turn_source(self, video: str) -> TurnSource | None:
        """Where the stored turns come from; None if there are none, or no such video."""
        with self._database.engine.connect() as connection:
            return turns.source(connection, video)

    def overlaps(self, video: str) -> dict[SegmentKey, float]:
        """For how many seconds turns of other labels overlap each turn that any does.

        Raises `UnknownVideo`.
        """
        with self._database.engine.connect() as connection:
            videos.require(connection, video)
            return turns.overlaps(connection, video)

    def resolve(
        self,
        video: str,
        spans: Iterable[Span],
        *,
        encoder: WhichEncoder = None,
        with_vector: bool = False,
    ) -> list[ResolvedSpeech]:
        """The stored segments that each of these spans means, (start, end) in seconds.

        That is the segment at the same points of the grid; else the nearest that starts and ends
        within 0.1 s of it; else all that lie inside it; else the nearest that starts and ends
        within half a second. Raises `UnknownVideo`, `UnknownEncoder`, `InvalidSegment`,
        `NoSegment`, `AmbiguousSpan`.
        """
        with self._database.engine.connect() as connection:
            videos.require(connection, video)
            found = encoders.find(connection, encoder).id
            return [
                typed_spans.resolve(
                    connection, video, span, found, index=index, with_vector=with_vector
                )
                for index, span in enumerate(spans)
            ]

    def labelled(
        self,
        video: str,
        labels: Iterable[str],
        *,
        encoder: WhichEncoder = None,
        clear: bool = False,
    ) -> list[ResolvedSpeech]:
        """The stored segments of the turns with each of these labels.

        `clear`: only the best of each label to enroll somebody with: the longest that no other
        label overlaps, of at least 1.5 s each, up to 30 s; or a single one if there are none.
        Raises `UnknownVideo`, `UnknownEncoder`, `UnknownTurnLabel`.
        """
        with self._database.engine.connect() as connection:
            videos.require(connection, video)
            found = encoders.find(connection, encoder).id
            return typed_spans.labelled(connection, video, labels, found, clear=clear)

    def videos(
        self,
        *,
        encoder: WhichEncoder = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> list[StoredVideo]:
        """Recordings by key, all or some after a key; counts are of one encoder.

        Raises `UnknownEncoder`.
        """
        with self._database.engine.connect() as connection:
            which = encoders.asked(connection, encoder)
            return listing.videos(connection, which, after=after, limit=limit)

    def video(self, video: str, *, encoder: WhichEncoder = None) -> StoredVideo:
        """One recording, as `videos` lists it. Raises `UnknownVideo`, `UnknownEncoder`."""
        with self._database.engine.connect() as connection:
            videos.require(connection, video)
            which = encoders.asked(connection, encoder)
            (found,) = listing.videos(connection, which, only=video)
            return found

    def coverage(
        self,
        video: str | None = None,
        *,
        encoder: WhichEncoder = None,
        limit: int | None = None,
        skip: int = 0,
    ) -> list[Coverage]:
        """Which segments of a recording, or of all, have a vector, and why others have none.

        Raises `UnknownVideo`, `UnknownEncoder`.
        """
        with self._database.engine.connect() as connection:
            if video is not None:
                videos.require(connection, video)
            which = encoders.asked(connection, encoder)
            return listing.coverage(connection, video, which, limit=limit, skip=skip)

    def summaries(
        self,
        *,
        after: str | None = None,
        limit: int | None = 50,
        skip: int = 0,
        containing: str | None = None,
        order: VideoOrder = "key",
        encoder: WhichEncoder = None,
    ) -> list[VideoSummary]:
        """A page of recordings: those after a key, and whose key contains a text.

        `skip` leaves out so many, to page. Raises `ValueError` for a negative number.
        """
        with refused_values(), self._database.engine.connect() as connection:
            return listing.summaries(
                connection,
                after=after,
                limit=limit,
                containing=containing,
                order=order,
                skip=skip,
                encoder=encoders.asked(connection, encoder),
            )

    def totals(self, containing: str | None = None) -> LibraryTotals:
        """How many recordings there are whose key contains a text, and what they come to."""
        with self._database.engine.connect() as connection:
            return listing.totals(connection, containing)

    def audio(self, video: str) -> VideoAudio | None:
        """The audio file that the video was filled from; None if no audio was read.

        Raises `UnknownVideo`.
        """
        with self._database.engine.connect() as connection:
            return videos.audio(connection, videos.require(connection, video))

    def hearable(self, video: str, start: float, end: float, *, context: float = 0.0) -> Hearable:
        """The part to play for somebody to hear a span, up to a minute, and `context` around it.

        In seconds. That is speech: turns, stored segments, and up to a second around them. It ends
        where the audio ends. Raises `UnknownVideo`, `NotHearable`, and `ValueError` for what is no
        span.
        """
        span = SegmentKey(snap_ms(start, 1), snap_ms(end, 1))
        with refused_values(), self._database.engine.connect() as connection:
            return hearing.hearable(connection, video, span, snap_ms(context, 1))

    def record_fill(self, video: str, encoder: EncoderIdentity, run: FillRun) -> None:
        """Record what a fill did, and compute the voices of the video's labels from its vectors.

        It or an earlier fill registered the video and the encoder. Raises `VideoErased` if the
        video is no longer in the store.
        """
        values = asdict(encoder) | asdict(run) | {"skipped": json.dumps(dict(run.skipped))}
        with self._database.engine.begin() as connection:
            inserted = connection.execute(text(_RECORD), values | {"video": video})
            if not inserted.rowcount:
                raise VideoErased
            connection.execute(text(_REFRESH_VOICES), asdict(encoder) | {"video": video})

    def stored(self, names: Iterable[str]) -> dict[str, str]:
        """The keys of stored videos by name; a name may have underscores for a key's spaces.

        Names that fit no key or several are left out.
        """
        asked = {"names": [name for name in names if is_text(name)]}
        with self._database.engine.connect() as connection:
            return {row.name: row.min for row in connection.execute(text(_STORED), asked)}

    def statistics(self, *, holdings: bool = True) -> CacheStatistics:
        """Hits and misses of fills, and what is stored; without `holdings` only how much."""
        with self._database.engine.connect() as connection:
            return statistics.read(connection, holdings=holdings)

    def prune(self, selection: PruneSelection, *, dry_run: bool = False) -> int:
        """Delete the selected cached vectors, or only count them; returns how many.

        Raises `ValueError` if nothing is selected, and `UnknownVideo`.
        """
        with refused_values(), self._database.engine.begin() as connection:
            if selection.video is not None:
                videos.require(connection, selection.video)
            return segments.prune(connection, selection, dry_run=dry_run)


_REFRESH_VOICES = f"""
SELECT pgvoice.refresh_voices(ARRAY[CAST(:video AS text)], {ENCODER_ID})
"""
_RECORD = f"""
INSERT INTO pgvoice.fill_run (video_id, encoder_id, requested, hits, filled, skipped,
    decode_seconds, encode_seconds, device)
SELECT v.id, {ENCODER_ID}, :requested, :hits, :filled, CAST(:skipped AS jsonb), :decode_seconds,
    :encode_seconds, :device
FROM pgvoice.video v WHERE v.key = :video FOR KEY SHARE
"""  # noqa: S608 - of constants
_STORED = """
SELECT name, min(key) FROM unnest(CAST(:names AS text[])) WITH ORDINALITY AS asked(name, at)
JOIN pgvoice.video ON key = name OR (
    replace(key, ' ', '_') = name AND NOT EXISTS (SELECT FROM pgvoice.video v WHERE v.key = name)
)
GROUP BY name, at HAVING count(*) = 1 ORDER BY at
"""
