"""``fill``: compute the vectors that the store is missing for a video, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

from pgvoice.hooks.audio.recording import open_recording
from pgvoice.hooks.encoders.encoder import Encoder
from pgvoice.hooks.errors import InvalidSegments
from pgvoice.hooks.fill.embedding_pass import EmbeddingPass, too_short
from pgvoice.hooks.fill.recovery import Recovery
from pgvoice.hooks.fill.report import FillReport
from pgvoice.hooks.plugins import calls
from pgvoice.hooks.sources.resolve import resolve_audio
from pgvoice.store.keys import SegmentKey, snap_segments
from pgvoice.store.models import EMBEDDED_STATUSES
from pgvoice.store.recordings.fills import FillRun
from pgvoice.store.recordings.recordings import Registered
from pgvoice.store.recordings.segment_rows import SegmentRow
from pgvoice.store.recordings.videos import OnAudioChange, VideoAudio
from pgvoice.store.voice_store import VoiceStore

#: Called with the number of missing segments that are done, from 0 on, and the number of all.
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

    If nothing is missing, the audio is not opened and no model is loaded. Otherwise the file is
    `audio`, or without it the one that an audio source finds. Repeated segments count once. Each
    batch is committed, so an interrupted fill continues where it stopped; another fill of the same
    video waits. If the database goes away, the fill waits for it, up to half a minute, and goes on.
    At the end the plugins' ``after_fill`` is called.

    Raises `AudioError` and `EncoderUnavailable` before anything is stored if the file or the
    encoder cannot be used; `AudioChanged` if the file is not the one that was filled before;
    `DatabaseError` in one of its kinds if the database does not come back: stored batches stay, and
    the next call does the rest; and, after the other segments are stored, `InvalidSegments` (a
    `ValueError` with the report) for segments that are not spans of time.
    """
    snapped = snap_segments(segments, store.grid_ms)
    report = fill_keys(store, encoder, video, audio, snapped.distinct, on_audio_change, progress)
    if snapped.invalid:
        raise InvalidSegments(snapped.invalid, report)
    return report


def fill_keys(
    store: VoiceStore,
    encoder: Encoder,
    video: str,
    audio: str | Path | None,
    keys: Sequence[SegmentKey],
    on_audio_change: OnAudioChange = "raise",
    progress: Progress | None = None,
) -> FillReport:
    """What `fill` does, for segments on the store's grid: distinct, in time order."""
    report = _Filling(store, encoder, video, audio, keys, on_audio_change, progress).run()
    calls.after_fill(report)
    return report


class _Filling:
    """One call of `fill`."""

    def __init__(
        self,
        store: VoiceStore,
        encoder: Encoder,
        video: str,
        audio: str | Path | None,
        keys: Sequence[SegmentKey],
        on_audio_change: OnAudioChange,
        progress: Progress | None,
    ) -> None:
        self._store, self._encoder, self._identity = store, encoder, encoder.identity
        self._video, self._audio, self._keys = video, audio, keys
        self._on_audio_change, self._progress = on_audio_change, progress
        self._files = ExitStack()
        #: None while no audio is open.
        self._pass: EmbeddingPass | None = None
        self._recovery = Recovery()

    def run(self) -> FillReport:
        if self._keys and self._missing():
            with self._files:
                self._recovery.attempt(self._fill)
        run = self._summary()
        if self._keys:
            self._store.recordings.record_fill(self._video, self._identity, run)
        encoder_calls = self._pass.batches if self._pass else 0
        return FillReport(self._video, self._identity, run, self._pass is not None, encoder_calls)

    def _fill(self) -> None:
        """Compute and store what is missing; other fills of the video wait meanwhile."""
        with self._store.recordings.filling(self._video) as hold:
            missing: Sequence[SegmentKey] = self._missing()
            registered = self._prepare(missing) if missing else None
            if registered and registered.replaced:
                missing = self._keys
            computed = self._recovery.settle(missing)
            if not registered:
                return
            total = self._recovery.stored.total() + len(missing)
            self._tell(total)
            with closing(self._batches(missing, computed)) as batches:
                for rows in batches:
                    with self._recovery.writing(rows):
                        hold.check()
                        self._store.recordings.write(registered, self._identity, rows)
                    self._tell(total)

    def _missing(self) -> list[SegmentKey]:
        return self._store.recordings.missing(self._video, self._identity, self._keys)

    def _prepare(self, missing: Sequence[SegmentKey]) -> Registered:
        """Open the audio and load the model, as far as needed, and only then register the video."""
        audio = None
        if self._pass is None and not all(map(too_short, missing)):
            self._pass = self._open()
        if self._pass:
            if not all(map(self._pass.refused, missing)):
                self._encoder.load()
            info = self._pass.info
            audio = VideoAudio(info.sha256, info.duration_ms, str(self._audio))
        return self._store.recordings.register(
            self._video,
            audio,
            self._identity,
            self._encoder.default_threshold,
            self._on_audio_change,
        )

    def _open(self) -> EmbeddingPass:
        self._audio = self._audio or resolve_audio(self._video)
        recording = self._files.enter_context(open_recording(self._audio))
        return EmbeddingPass(self._encoder, recording)

    def _batches(
        self, missing: Sequence[SegmentKey], computed: list[SegmentRow]
    ) -> Generator[list[SegmentRow], None, None]:
        """A row for each missing segment; first those that an earlier attempt computed."""
        if computed:
            yield computed
        known = {row.key for row in computed}
        left = [key for key in missing if key not in known]
        if self._pass:
            yield from self._pass.rows(left)
        elif left:
            yield [SegmentRow(key, "too_short") for key in left]

    def _tell(self, total: int) -> None:
        if self._progress:
            self._progress(self._recovery.stored.total(), total)

    def _summary(self) -> FillRun:
        stored = self._recovery.stored
        run = FillRun(
            requested=len(self._keys),
            hits=len(self._keys) - stored.total(),
            filled=sum(stored[status] for status in EMBEDDED_STATUSES),
            skipped={s: n for s, n in sorted(stored.items()) if s not in EMBEDDED_STATUSES},
        )
        if self._pass is None:
            return run
        return replace(
            run,
            decode_seconds=self._pass.decode_seconds,
            encode_seconds=self._pass.encode_seconds,
            device=self._encoder.device if self._pass.batches else None,
        )
