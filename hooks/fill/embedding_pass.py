"""``EmbeddingPass``: from an open recording and segments to rows for the store, in batches."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import cache, cached_property
from pathlib import Path
from threading import Event
from typing import NamedTuple, TypeVar

import numpy as np

from pgvoice.hooks.audio.recording import OpenRecording, open_recording
from pgvoice.hooks.audio.stream import AudioStream
from pgvoice.hooks.encoders.encoder import Embeddings, Encoder, Waveform
from pgvoice.hooks.encoders.registry import make_encoder
from pgvoice.store.keys import SegmentKey, snap_segments
from pgvoice.store.recordings.segment_rows import SegmentRow

#: A shorter segment says too little about a voice.
MIN_MS = 500
#: Of a longer segment only the beginning is embedded.
MAX_MS = 60_000
#: Transcripts often end slightly after the audio; a segment that ends later than this belongs to
#: another recording.
MAX_OVERHANG_MS = 1_000
#: Rows are due after so long: what an interrupted fill loses, and one call of the encoder.
COMMIT_SECONDS = 2.0
#: Seconds of audio for one call on a CPU, where larger calls are no faster: half of a tape.
CALL_SECONDS = 12
#: Root mean square at -70 dB of full scale; below are digital silence and its dither.
SILENCE_RMS = 10 ** (-70 / 20)


def too_short(key: SegmentKey) -> bool:
    """Whether a segment's status is known without its audio."""
    return key.duration_ms < MIN_MS


class _Batch(NamedTuple):
    """The waveforms for one call of the encoder, and the segments before it that need none."""

    skipped: list[SegmentRow]
    heard: list[tuple[SegmentKey, Waveform]]


class EmbeddingPass:
    """Decodes a recording once and embeds segments of it; measures the time of both."""

    def __init__(
        self,
        encoder: Encoder,
        recording: OpenRecording | AudioStream,
        *,
        max_ms: int = MAX_MS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock` gives seconds; it decides when rows are due, not which."""
        self.decode_seconds = 0.0
        self.encode_seconds = 0.0
        #: Calls of the encoder.
        self.batches = 0
        self._encoder = encoder
        self._recording = recording
        self.info = recording.info
        self._max_ms = max_ms
        self._clock = clock

    def rows(self, keys: Sequence[SegmentKey]) -> Generator[list[SegmentRow], None, None]:
        """A row for every key, in order of ending; a list whenever it is time to store some.

        That is after a batch of the encoder's size, or after `COMMIT_SECONDS`. What one call of the
        encoder gets depends on the keys alone: the time changes no vector, and a pass over the rest
        of the keys makes the calls that this one would have made.

        While an accelerator encodes one batch, a thread decodes the next; close the generator to
        end the thread. Raises `AudioError` if the recording cannot be decoded.
        """
        stopping = Event()
        batches = self._batches(keys, stopping.is_set)
        if self._is_worth_a_thread(keys):
            batches = one_ahead(batches, stopping.set)
        rows, samples, since = list[SegmentRow](), 0, self._clock()
        with closing(batches):
            for batch in batches:
                rows += batch.skipped + self.embedded(batch.heard)
                samples += sum(len(waveform) for _, waveform in batch.heard)
                del batch  # frees its memory for the next one
                if self._is_due(samples, since):
                    yield rows
                    rows, samples, since = [], 0, self._clock()
        if rows:
            yield rows

    def _is_due(self, samples: int, since: float) -> bool:
        return samples >= self._encoder.batch_samples or self._clock() - since >= COMMIT_SECONDS

    @cached_property
    def _call_samples(self) -> int:
        """The approximate number of samples for one call of the encoder."""
        most = self._encoder.batch_samples
        if self._encoder.device != "cpu":
            return most
        return min(most, CALL_SECONDS * self._encoder.identity.sample_rate)

    def _batches(
        self, keys: Sequence[SegmentKey], is_stopping: Callable[[], bool]
    ) -> Generator[_Batch, None, None]:
        batch, samples = _Batch([], []), 0
        for key, heard in self.heard(keys):
            if is_stopping():
                return
            if isinstance(heard, str):
                batch.skipped.append(SegmentRow(key, heard))
                continue
            batch.heard.append((key, heard))
            samples += len(heard)
            if samples >= self._call_samples:
                yield batch
                batch, samples = _Batch([], []), 0
        if batch.skipped or batch.heard:
            yield batch

    def _is_worth_a_thread(self, keys: Sequence[SegmentKey]) -> bool:
        """Whether there is a second batch, and an encoder that leaves the CPU free."""
        heard_ms = sum(min(key.duration_ms, self._max_ms) for key in keys if not self.refused(key))
        samples = heard_ms * self._encoder.identity.sample_rate // 1000
        if not samples or samples <= self._encoder.batch_samples:
            return False
        return self._encoder.device != "cpu"

    def heard(self, keys: Sequence[SegmentKey]) -> Iterator[tuple[SegmentKey, Waveform | str]]:
        """Every key with its waveform, or with the status of a segment that cannot be encoded.

        Segments that need no audio come first. Raises `AudioError`.
        """
        wanted: list[SegmentKey] = []
        for key in keys:
            if status := self.refused(key):
                yield key, status
            else:
                wanted.append(key)
        for key, waveform in self._cut(wanted):
            yield key, self._unusable(waveform) or waveform

    def refused(self, key: SegmentKey) -> str | None:
        """The status of a segment that needs no audio."""
        end = self.info.duration_ms
        if key.start_ms >= end or key.end_ms > end + MAX_OVERHANG_MS:
            return "out_of_range"
        return "too_short" if too_short(key) else None

    def _cut(self, keys: Sequence[SegmentKey]) -> Iterator[tuple[SegmentKey, Waveform]]:
        if not keys:
            return
        spans = [(key.start_ms, min(key.end_ms, key.start_ms + self._max_ms)) for key in keys]
        cut = self._recording.cut(spans, self._encoder.identity.sample_rate)
        while True:
            started = time.perf_counter()
            found = next(cut, None)
            self.decode_seconds += time.perf_counter() - started
            if found is None:
                return
            yield keys[found[0]], found[1]

    def _unusable(self, waveform: Waveform) -> str | None:
        """The status of a waveform that cannot be encoded."""
        shortest = MIN_MS * self._encoder.identity.sample_rate // 1000
        if len(waveform) < max(shortest, self._encoder.min_samples):
            return "too_short"
        rms = float(np.sqrt(np.mean(np.square(waveform, dtype=np.float64))))
        if not np.isfinite(rms):
            return "non_finite"
        return "silent" if rms < SILENCE_RMS else None

    def embedded(self, batch: Sequence[tuple[SegmentKey, Waveform]]) -> list[SegmentRow]:
        """A row for every waveform, from one call of the encoder."""
        if not batch:
            return []
        self._encoder.load()
        started = time.perf_counter()
        embeddings = self._encoder.encode([waveform for _, waveform in batch])
        self.encode_seconds += time.perf_counter() - started
        self.batches += 1
        return [self._row(key, row) for (key, _), row in zip(batch, embeddings, strict=True)]

    def _row(self, key: SegmentKey, embedding: Embeddings) -> SegmentRow:
        if not np.isfinite(embedding).all():
            return SegmentRow(key, "non_finite")
        whole = key.duration_ms <= self._max_ms and key.end_ms <= self.info.duration_ms
        return SegmentRow(key, "ok" if whole else "partial", embedding)


Item = TypeVar("Item")
THREAD = "pgvoice-ahead"


def one_ahead(items: Iterator[Item], stop: Callable[[], object]) -> Generator[Item, None, None]:
    """The items in order, at most one of them waiting; an error surfaces in its item's place.

    The caller's own thread makes the first item, as there is nothing else to do yet. Close the
    generator to end the thread: that calls `stop`, which must interrupt the making of an item.
    """
    none = object()
    item = next(items, none)
    pool = ThreadPoolExecutor(1, THREAD)
    try:
        while item is not none:
            coming = pool.submit(next, items, none)
            yield item  # type: ignore[misc]
            item = coming.result()
    finally:
        stop()
        pool.shutdown(cancel_futures=True)


logger = logging.getLogger(__name__)


def extract_embeddings_batch(
    audio_path: str | Path,
    time_segments: Sequence[Sequence[float]],
    max_duration_per_segment: float = 60.0,
    *,
    encoder: Encoder | None = None,
) -> list[Embeddings | None]:
    """The vector of each (start, end) in seconds, in the order given, each ``(dimension,)``.

    They are the vectors that `fill` stores on the default grid. A segment without a vector (too
    short, silent, beyond the end, or not a span of time) is None, and the reason is logged. Without
    `encoder` the default one is built once. Raises `AudioError` if the file cannot be used and
    `EncoderUnavailable` if the model cannot be loaded; out-of-memory errors pass through.
    """
    snapped = snap_segments(time_segments)
    for error in snapped.invalid:
        logger.warning("%s: no embedding for %s", audio_path, error)
    if not snapped.distinct:
        return [None] * len(snapped.keys)
    encoder, max_ms = encoder or _default_encoder(), round(max_duration_per_segment * 1000)
    with open_recording(audio_path) as recording:
        embedding = EmbeddingPass(encoder, recording, max_ms=max_ms)
        rows = {row.key: row for batch in embedding.rows(snapped.distinct) for row in batch}
    for row in rows.values():
        if row.embedding is None:
            logger.warning("%s: no embedding for %s: %s", audio_path, row.key, row.status)
    return [None if key is None else rows[key].embedding for key in snapped.keys]


@cache
def _default_encoder() -> Encoder:
    return make_encoder()
