"""``fill``: compute the vectors that the store is missing for a video, and nothing else."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path

from pgvoice.hooks.audio import probing
from pgvoice.hooks.encoders.encoder import Encoder
from pgvoice.hooks.errors import InvalidSegments
from pgvoice.hooks.fill.embedding_pass import EmbeddingPass, too_short
from pgvoice.hooks.fill.report import FillReport
from pgvoice.hooks.plugins import calls
from pgvoice.hooks.sources.resolve import resolve_audio
from pgvoice.store.errors import (
    ConnectionLost,
    DatabaseUnreachable,
    RowsStored,
    WrongPassword,
)
from pgvoice.store.keys import SegmentKey, snap_segments
from pgvoice.store.recordings.fills import FillRun, Hold
from pgvoice.store.recordings.segment_rows import SegmentRow
from pgvoice.store.recordings.videos import OnAudioChange, VideoAudio
from pgvoice.store.statuses import EMBEDDED_STATUSES
from pgvoice.store.voice_store import VoiceStore

#: Seconds to wait before each attempt to go on, after the database went away; anew after progress.
RETRY_SECONDS = (0.1, 0.4, 1.0, 2.0, 4.0, 8.0, 16.0)
#: Told how many of the missing segments are done, from 0 on, and how many there are.
Progress = Callable[[int, int], None]


def fill(
    store: VoiceStore,
    encoder: Encoder,
    *,
    video: str,
    audio: str | Path | None = None,
    segments: Iterable[Sequence[float]],
    on_audio_change: OnAudioChange = "raise",
    progress: Progress | None = None,
) -> FillReport:
    """Compute and store the vectors that `video` is missing for `segments`, (start, end) seconds.

    Where something is missing and no `audio` is given, the audio sources are asked for it.
    Each batch is committed, so a fill that dies is taken up where it stopped; another fill of the
    same video waits. With nothing missing the audio is not opened and no model is loaded. Repeats
    count once. When the database goes away, the fill waits for it, up to half a minute, and goes
    on. Raises `DatabaseError` in one of its kinds when that does not help: what was stored stays,
    and the next call does the rest. Raises `AudioError` and `EncoderUnavailable` before anything is
    stored when the file or the encoder cannot be used, `AudioChanged` when it is not the file that
    was filled before, and, after the other segments are stored, `InvalidSegments` (a `ValueError`
    that holds the report) for segments that are no spans of time. At the end the plugins'
    ``after_fill`` is called.
    """
    snapped = snap_segments(segments, store.grid_ms)
    filling = _Filling(store, encoder, video, audio, progress)
    report = filling.report(filling.run(snapped.distinct, on_audio_change))
    calls.after_fill(report)
    if snapped.invalid:
        raise InvalidSegments(snapped.invalid, report)
    return report


class _Filling:
    """One call of `fill`."""

    def __init__(
        self,
        store: VoiceStore,
        encoder: Encoder,
        video: str,
        audio: str | Path | None,
        progress: Progress | None,
    ) -> None:
        self._store = store
        self._encoder = encoder
        self._identity = encoder.identity
        self._video = video
        self._audio = audio
        self._progress = progress
        self._pass: EmbeddingPass | None = None
        #: The batch that is being written; also that of which nobody knows whether it was.
        self._unsettled: list[SegmentRow] = []
        self._statuses: Counter[str] = Counter()

    def run(self, keys: Sequence[SegmentKey], on_audio_change: OnAudioChange) -> FillRun:
        if not keys:
            return FillRun(requested=0, hits=0)
        if self._missing(keys):
            self._fill_patiently(keys, on_audio_change)
        run = self._summary(len(keys), len(keys) - self._statuses.total())
        self._store.recordings.record_fill(self._video, self._identity, run)
        return run

    def report(self, run: FillRun) -> FillReport:
        encoder_calls = self._pass.batches if self._pass else 0
        return FillReport(self._video, self._identity, run, self._pass is not None, encoder_calls)

    def _missing(self, keys: Sequence[SegmentKey]) -> list[SegmentKey]:
        return self._store.recordings.missing(self._video, self._identity, keys)

    def _fill_patiently(self, keys: Sequence[SegmentKey], on_audio_change: OnAudioChange) -> None:
        """Fill; and as often as the database goes away, go on where it stopped."""
        waits, done = deque(RETRY_SECONDS), 0
        while True:
            try:
                with self._store.recordings.filling(self._video) as hold:
                    self._fill(keys, on_audio_change, hold)
                return
            except WrongPassword:
                raise
            except (ConnectionLost, DatabaseUnreachable, RowsStored):
                if self._statuses.total() > done:
                    waits, done = deque(RETRY_SECONDS), self._statuses.total()
                if not waits:
                    raise
                time.sleep(waits.popleft())

    def _fill(self, keys: Sequence[SegmentKey], on_audio_change: OnAudioChange, hold: Hold) -> None:
        """Fill what is missing now that no other fill runs."""
        missing = self._missing(keys)
        if not missing:
            self._settle(missing)
            return
        if all(too_short(key) for key in missing):
            ids = self._register(None, on_audio_change)
            self._write(ids, [SegmentRow(key, "too_short") for key in missing], hold)
            return
        audio = self._audio = self._audio or resolve_audio(self._video)
        embedding = self._pass or EmbeddingPass(self._encoder, audio, probing.probe(audio))
        info = embedding.info
        if not all(map(embedding.refused, missing)):
            self._encoder.load()  # what cannot be loaded leaves nothing in the store
        ids = self._register(VideoAudio(info.sha256, info.duration_ms, str(audio)), on_audio_change)
        if on_audio_change == "replace":
            missing = self._missing(keys)
        self._pass = embedding
        left = self._settle(missing)
        if left:
            self._write(ids, left, hold)
        known = {row.key for row in left}
        missing = [key for key in missing if key not in known]
        of = self._statuses.total() + len(missing)
        if missing:
            self._tell(of)
        with closing(embedding.rows(missing)) as batches:
            for rows in batches:
                self._write(ids, rows, hold)
                self._tell(of)

    def _settle(self, missing: Sequence[SegmentKey]) -> list[SegmentRow]:
        """Of a batch that was being written when the database went away, what was not stored."""
        unsettled, self._unsettled = self._unsettled, []
        lacking = set(missing)
        self._statuses.update(row.status for row in unsettled if row.key not in lacking)
        return [row for row in unsettled if row.key in lacking]

    def _register(self, audio: VideoAudio | None, change: OnAudioChange) -> tuple[int, int]:
        return self._store.recordings.register(
            self._video, audio, self._identity, self._encoder.default_threshold, change
        )

    def _write(self, ids: tuple[int, int], rows: list[SegmentRow], hold: Hold) -> None:
        self._unsettled = rows
        hold.check()
        self._store.recordings.write(ids, self._identity, rows)
        self._unsettled = []
        self._statuses.update(row.status for row in rows)

    def _tell(self, missing: int) -> None:
        if self._progress:
            self._progress(self._statuses.total(), missing)

    def _summary(self, requested: int, hits: int) -> FillRun:
        if self._pass is None:
            return FillRun(requested, hits, skipped=self._skipped())
        return FillRun(
            requested,
            hits,
            sum(self._statuses[status] for status in EMBEDDED_STATUSES),
            self._skipped(),
            self._pass.decode_seconds,
            self._pass.encode_seconds,
            self._encoder.device if self._pass.batches else None,
        )

    def _skipped(self) -> dict[str, int]:
        return {s: n for s, n in sorted(self._statuses.items()) if s not in EMBEDDED_STATUSES}
