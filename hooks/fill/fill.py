"""``fill``: compute the vectors that the store is missing for a video, and nothing else."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from pgvoice.hooks.audio.recording import open_recording
from pgvoice.hooks.encoders.encoder import Encoder
from pgvoice.hooks.errors import InvalidSegments
from pgvoice.hooks.fill.embedding_pass import EmbeddingPass, too_short
from pgvoice.hooks.fill.plausible import check_times
from pgvoice.hooks.plugins import calls
from pgvoice.hooks.results import FillReport
from pgvoice.hooks.sources import resolve_audio
from pgvoice.hooks.turns import as_turns, snap_turns
from pgvoice.store.errors import (
    ConnectionLost,
    DatabaseUnreachable,
    RowsStored,
    UnknownVideo,
    VideoErased,
    WrongPassword,
)
from pgvoice.store.keys import SegmentKey, SnappedSegments
from pgvoice.store.recordings.fills import FillRun
from pgvoice.store.recordings.recordings import Registered
from pgvoice.store.recordings.segment_rows import SegmentRow
from pgvoice.store.recordings.turns import OnTurns, TurnsStored
from pgvoice.store.recordings.videos import OnAudioChange, VideoAudio
from pgvoice.store.statuses import EMBEDDED_STATUSES
from pgvoice.store.turns import Turn
from pgvoice.store.voice_store import VoiceStore

#: Called with the number of missing segments that are done, from 0 on, and the number of all.
Progress = Callable[[int, int], None]


def fill(
    store: VoiceStore,
    encoder: Encoder,
    *,
    video: str,
    audio: str | Path | None = None,
    segments: Iterable[Any],
    on_audio_change: OnAudioChange = "raise",
    on_turns: OnTurns = "replace",
    source: str | None = None,
    progress: Progress | None = None,
) -> FillReport:
    """Compute and store the vectors that `video` is missing for `segments`, and keep them as turns.

    Segments can have any shape that `as_turns` accepts, with times in seconds. Those that segments
    with other labels overlap also get a vector for each of their clean parts. If no vector is
    missing, the audio is not opened and no model is loaded. Otherwise the file is `audio`, or
    without it the one that an audio source finds. Repeated segments count once. Speech that was
    erased is not computed, and reported as ``erased``. Each batch is committed, so an interrupted
    fill continues where it stopped; another fill of the same video waits. If the database goes
    away, the fill waits for it, up to half a minute, and goes on. At the end the plugins'
    ``after_fill`` is called.

    The segments replace the turns that the video has, or with `on_turns` are added to them, or
    leave them as they are (``ignore``). `source` is the file that they come from.

    Raises `AudioError` and `EncoderUnavailable` before anything is stored if the file or the
    encoder cannot be used, and `TimesBeyondAudio` if nearly all segments lie beyond the end of the
    file, as milliseconds do; `AudioChanged` if the file is not the one that was filled before;
    `DatabaseError` in one of its kinds if the database does not come back: stored batches stay, and
    the next call does the rest; and, after the other segments are stored, `InvalidSegments` (a
    `ValueError` with the report) for segments that are not spans of time.
    """
    given = as_turns(segments)
    snapped = snap_turns(given, store.grid_ms)
    report = fill_turns(
        store, encoder, video, audio, given, snapped, on_audio_change, on_turns, source, progress
    )
    if snapped.invalid:
        raise InvalidSegments(snapped.invalid, report)
    return report


def fill_turns(
    store: VoiceStore,
    encoder: Encoder,
    video: str,
    audio: str | Path | None,
    turns: Sequence[Turn],
    snapped: SnappedSegments,
    on_audio_change: OnAudioChange = "raise",
    on_turns: OnTurns = "replace",
    source: str | None = None,
    progress: Progress | None = None,
) -> FillReport:
    """What `fill` does for turns and their keys; invalid ones are left out."""
    valid = [(turn, key) for turn, key in zip(turns, snapped.keys, strict=True) if key]
    handed = _Handed([turn for turn, _ in valid], [key for _, key in valid], on_turns, source)
    filling = _Filling(store, encoder, video, audio, handed, on_audio_change, progress)
    report = filling.run()
    calls.after_fill(report)
    return report


class _Handed(NamedTuple):
    """The turns that a fill is given, and what becomes of the stored ones."""

    turns: Sequence[Turn]
    keys: Sequence[SegmentKey]
    on_turns: OnTurns
    source: str | None


#: Seconds to wait before each further attempt; from the first again after an attempt that stored
#: something.
RETRY_SECONDS = (0.1, 0.4, 1.0, 2.0, 4.0, 8.0, 16.0)


class Recovery:
    """Repeats the attempts of one fill, and remembers which of its rows are stored."""

    def __init__(self) -> None:
        #: Rows that the fill stored, by status.
        self.stored: Counter[str] = Counter()
        #: A batch whose write did not end: the server may have stored it before it went away.
        self._uncertain: list[SegmentRow] = []

    def attempt(self, fill: Callable[[], None]) -> None:
        """Call `fill` until it returns, and wait for the database before each repetition.

        Raises `DatabaseError` as `fill` does if repeating cannot help, or did not help.
        """
        waits, before = deque(RETRY_SECONDS), 0
        while True:
            try:
                return fill()
            except WrongPassword:
                raise
            except (ConnectionLost, DatabaseUnreachable, RowsStored):
                if self.stored.total() > before:
                    waits, before = deque(RETRY_SECONDS), self.stored.total()
                if not waits:
                    raise
                time.sleep(waits.popleft())

    @contextmanager
    def writing(self, rows: list[SegmentRow]) -> Iterator[None]:
        """Count `rows` as stored if the body returns, and as uncertain if it raises."""
        self._uncertain = rows
        yield
        self._uncertain = []
        self.stored.update(row.status for row in rows)

    def settle(self, missing: Sequence[SegmentKey]) -> list[SegmentRow]:
        """The uncertain rows that are missing and have to be written again; others are stored."""
        uncertain, self._uncertain = self._uncertain, []
        lacking = set(missing)
        self.stored.update(row.status for row in uncertain if row.key not in lacking)
        return [row for row in uncertain if row.key in lacking]


@dataclass
class _Filling:
    """One call of `fill`."""

    store: VoiceStore
    encoder: Encoder
    video: str
    audio: str | Path | None
    handed: _Handed
    on_audio_change: OnAudioChange
    progress: Progress | None
    #: The segments of the turns and their clean parts, each once, in time order.
    keys: Sequence[SegmentKey] = ()
    recovery: Recovery = field(default_factory=Recovery)
    files: ExitStack = field(default_factory=ExitStack)
    #: Segments without a row whose speech was erased.
    erased: frozenset[SegmentKey] = frozenset()
    #: The pass over the audio, once it is open.
    embedding: EmbeddingPass | None = None
    #: How the video's turns changed, once they are stored.
    stored_turns: TurnsStored | None = None

    def run(self) -> FillReport:
        if self.handed.keys and self._missing():
            with self.files:
                self.recovery.attempt(self._fill)
        run = self._summary()
        if len(self.keys) > len(self.erased):
            self._store_turns()
            self.store.recordings.record_fill(self.video, self.encoder.identity, run)
        encoder_calls = self.embedding.batches if self.embedding else 0
        return FillReport(
            self.video,
            self.encoder.identity,
            run,
            self.embedding is not None,
            encoder_calls,
            self.stored_turns,
            len(set(self.keys).difference(self.handed.keys)),
        )

    def _fill(self) -> None:
        """Compute and store what is missing; other fills of the video wait meanwhile."""
        with self.store.recordings.filling(self.video) as hold:
            missing: Sequence[SegmentKey] = self._missing()
            registered = self._prepare(missing) if missing else None
            if registered and self.embedding:
                # Which speech was erased is known by the audio, whatever the video's key is.
                missing = self.keys if registered.replaced else missing
                self.erased = frozenset(self.store.recordings.erased(self.video, missing))
                missing = [key for key in missing if key not in self.erased]
            computed = self.recovery.settle(missing)
            if not registered:
                return
            self._store_turns()
            total = self.recovery.stored.total() + len(missing)
            self._tell(total)
            with closing(self._batches(missing, computed)) as batches:
                for rows in batches:
                    with self.recovery.writing(rows):
                        hold.check()
                        self.store.recordings.write(registered, self.encoder.identity, rows)
                    self._tell(total)

    def _store_turns(self) -> None:
        """Store the turns of the video, which is registered, unless that is done."""
        turns, _, on_turns, source = self.handed
        if on_turns != "ignore" and not self.stored_turns:
            try:
                self.stored_turns = self.store.recordings.store_turns(
                    self.video, turns, source=source, add=on_turns == "add"
                )
            except UnknownVideo:
                raise VideoErased from None

    def _missing(self) -> list[SegmentKey]:
        turns, keys, on_turns, _ = self.handed
        labels = [turn.label for turn in turns]
        found = self.store.recordings.missing(
            self.video, self.encoder.identity, keys, labels, on_turns
        )
        self.keys, self.erased = found.of_turns, found.erased
        return found

    def _prepare(self, missing: Sequence[SegmentKey]) -> Registered:
        """Open the audio and load the model, if they are needed, and only then register."""
        audio = None
        if self.embedding is None and not all(map(too_short, missing)):
            self.audio = self.audio or resolve_audio(self.video)
            recording = self.files.enter_context(open_recording(self.audio))
            check_times(sorted(set(self.handed.keys)), recording.info.duration_ms)
            self.embedding = EmbeddingPass(self.encoder, recording)
        if self.embedding:
            if not all(map(self.embedding.refused, missing)):
                self.encoder.load()
            info = self.embedding.info
            audio = VideoAudio(info.sha256, info.duration_ms, str(self.audio))
        return self.store.recordings.register(
            self.video,
            audio,
            self.encoder.identity,
            self.encoder.default_threshold,
            self.on_audio_change,
        )

    def _batches(
        self, missing: Sequence[SegmentKey], computed: list[SegmentRow]
    ) -> Generator[list[SegmentRow], None, None]:
        """A row for each missing segment; first those that an earlier attempt computed."""
        if computed:
            yield computed
        known = {row.key for row in computed}
        left = [key for key in missing if key not in known]
        if self.embedding:
            yield from self.embedding.rows(left)
        elif left:
            yield [SegmentRow(key, "too_short") for key in left]

    def _tell(self, total: int) -> None:
        if self.progress:
            self.progress(self.recovery.stored.total(), total)

    def _summary(self) -> FillRun:
        stored, listening = Counter(self.recovery.stored), self.embedding
        stored["erased"] += len(self.erased)
        return FillRun(
            requested=len(self.keys),
            hits=len(self.keys) - stored.total(),
            filled=sum(stored[status] for status in EMBEDDED_STATUSES),
            skipped={s: n for s, n in sorted(stored.items()) if n and s not in EMBEDDED_STATUSES},
            decode_seconds=listening.decode_seconds if listening else 0.0,
            encode_seconds=listening.encode_seconds if listening else 0.0,
            device=self.encoder.device if listening and listening.batches else None,
        )
