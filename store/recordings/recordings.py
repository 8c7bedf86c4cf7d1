"""``VoiceStore.recordings``: recordings, encoders and stored vectors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from pgvoice.store.database.connection import Database
from pgvoice.store.keys import SegmentKey
from pgvoice.store.names import checked
from pgvoice.store.recordings import encoders, fills, pruning, segments, statistics, videos
from pgvoice.store.recordings.encoders import (
    EncoderIdentity,
    StoredEncoder,
    Threshold,
    WhichEncoder,
)
from pgvoice.store.recordings.fills import FillRun, Hold
from pgvoice.store.recordings.pruning import PruneSelection
from pgvoice.store.recordings.segment_rows import SegmentRow
from pgvoice.store.recordings.statistics import CacheStatistics
from pgvoice.store.recordings.videos import OnAudioChange, VideoAudio


class Recordings:
    """Videos, their stored vectors, and what fills did; each call is a transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def missing(
        self, video: str, encoder: EncoderIdentity, keys: Sequence[SegmentKey]
    ) -> list[SegmentKey]:
        """The keys that have no row of this encoder, in time order: one SELECT.

        Raises `ValueError` for what can be no video's key.
        """
        checked(video, "a video's key")
        with self._database.engine.connect() as connection:
            return segments.missing(connection, video, encoder, keys)

    def read(
        self, video: str, encoder: EncoderIdentity, keys: Sequence[SegmentKey]
    ) -> dict[SegmentKey, SegmentRow]:
        """Vectors and statuses of these keys, as far as they are there."""
        with self._database.engine.connect() as connection:
            return segments.read(connection, video, encoder, keys)

    @contextmanager
    def filling(self, video: str) -> Iterator[Hold]:
        """Hold the fill of a video: another one, in any process, waits until this one is done.

        On a connection of its own, so that fills never wait for each other's connections.
        """
        connection = self._database.unpooled.connect()
        try:
            hold = Hold(connection, video)
        except BaseException:
            connection.close()
            raise
        try:
            yield hold
        finally:
            hold.release()

    def register(
        self,
        video: str,
        audio: VideoAudio | None,
        encoder: EncoderIdentity,
        threshold: Threshold,
        on_audio_change: OnAudioChange = "raise",
    ) -> tuple[int, int]:
        """The ids of video and encoder, made if new. Raises `AudioChanged`."""
        with self._database.engine.begin() as connection:
            return (
                videos.ensure(connection, video, audio, on_audio_change),
                encoders.ensure(connection, encoder, threshold),
            )

    def write(self, ids: tuple[int, int], encoder: EncoderIdentity, rows: list[SegmentRow]) -> None:
        """Commit a batch of segments' rows; `ids` are those that `register` gave.

        Raises `RowsStored`, `VideoErased`, `RowsRefused`.
        """
        with self._database.engine.begin() as connection:
            segments.write(connection, *ids, encoder.dimension, rows)

    def record_fill(self, video: str, encoder: EncoderIdentity, run: FillRun) -> None:
        """Keep what a fill did; video and encoder were registered by it, or by one before it."""
        with self._database.engine.begin() as connection:
            fills.record(connection, video, encoder, run)

    def encoder(self, which: WhichEncoder = None) -> StoredEncoder:
        """What the store knows of an encoder. Raises `UnknownEncoder`."""
        with self._database.engine.connect() as connection:
            return encoders.find(connection, which)

    def encoders(self) -> list[StoredEncoder]:
        """Every encoder that the store has met, oldest first."""
        with self._database.engine.connect() as connection:
            return encoders.stored(connection)

    def stored(self, names: Iterable[str]) -> dict[str, str]:
        """By name the key of the stored video; names may have underscores for a key's blanks."""
        with self._database.engine.connect() as connection:
            return videos.stored(connection, names)

    def statistics(self) -> CacheStatistics:
        """Hits, misses, and what the store holds."""
        with self._database.engine.connect() as connection:
            return statistics.cache_statistics(connection)

    def prune(self, selection: PruneSelection, *, dry_run: bool = False) -> int:
        """Delete the selected cached vectors, or only count them; returns how many.

        Raises `ValueError` when nothing is selected.
        """
        with self._database.engine.begin() as connection:
            return (pruning.count if dry_run else pruning.prune)(connection, selection)
