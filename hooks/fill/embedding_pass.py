"""One pass over an audio file: segments in, rows for the store out, a batch at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import NamedTuple

import numpy as np

from pgvoice.hooks.audio import cutting
from pgvoice.hooks.audio.probing import AudioInfo
from pgvoice.hooks.encoders.encoder import Embeddings, Encoder, Waveform
from pgvoice.hooks.fill.ahead import one_ahead
from pgvoice.store.keys import SegmentKey
from pgvoice.store.recordings.segment_rows import SegmentRow

#: A shorter span says too little about a voice.
MIN_MS = 500
#: A longer span is embedded from its beginning.
MAX_MS = 60_000
#: Transcripts often end a little behind the audio; a segment that ends later than that is of
#: another recording.
MAX_OVERHANG_MS = 1_000
#: Root mean square under -70 dB of full scale: digital silence and its dither.
SILENCE_RMS = 10 ** (-70 / 20)


def too_short(key: SegmentKey) -> bool:
    """Whether a segment's status is known without its audio."""
    return key.duration_ms < MIN_MS


class _Batch(NamedTuple):
    """What one call of the encoder is for, and what came before it that is not to be encoded."""

    skipped: list[SegmentRow]
    heard: list[tuple[SegmentKey, Waveform]]


class EmbeddingPass:
    """Decodes a file once and embeds the spans asked for; counts what it took."""

    def __init__(
        self, encoder: Encoder, path: str | Path, info: AudioInfo, *, max_ms: int = MAX_MS
    ) -> None:
        self.decode_seconds = 0.0
        self.encode_seconds = 0.0
        #: Calls of the encoder.
        self.batches = 0
        self._encoder = encoder
        self._path = path
        self.info = info
        self._max_ms = max_ms

    def rows(self, keys: Sequence[SegmentKey]) -> Generator[list[SegmentRow], None, None]:
        """A row for every key, each batch as soon as it is encoded; order is by time of ending.

        While an accelerator is at one batch, a thread decodes the next; close what is returned, and
        it ends. Raises `AudioError` when the file cannot be decoded.
        """
        stopping = Event()
        batches = self._batches(keys, stopping.is_set)
        if self._is_worth_a_thread(keys):
            batches = one_ahead(batches, stopping.set)
        with closing(batches):
            for batch in batches:
                yield batch.skipped + self.embedded(batch.heard)
                del batch  # the next takes its place in memory

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
            if samples >= self._encoder.batch_samples:
                yield batch
                batch, samples = _Batch([], []), 0
        if batch.skipped or batch.heard:
            yield batch

    def _is_worth_a_thread(self, keys: Sequence[SegmentKey]) -> bool:
        """Whether there is a second batch, and an encoder that leaves the processor to others."""
        heard_ms = sum(min(key.duration_ms, self._max_ms) for key in keys if not self.refused(key))
        samples = heard_ms * self._encoder.identity.sample_rate // 1000
        if not samples or samples <= self._encoder.batch_samples:
            return False
        return self._encoder.device != "cpu"

    def heard(self, keys: Sequence[SegmentKey]) -> Iterator[tuple[SegmentKey, Waveform | str]]:
        """Every key with its waveform, or with the status that says why there is none to encode.

        Those that need no listening come first. Raises `AudioError`.
        """
        refused = {key: self.refused(key) for key in keys}
        yield from ((key, status) for key, status in refused.items() if status)
        for key, waveform in self._timed_cut([key for key in keys if not refused[key]]):
            yield key, self._unusable(waveform) or waveform

    def refused(self, key: SegmentKey) -> str | None:
        """The status of a segment that needs no listening."""
        end_of_audio = self.info.duration_ms
        if key.start_ms >= end_of_audio or key.end_ms > end_of_audio + MAX_OVERHANG_MS:
            return "out_of_range"
        return "too_short" if too_short(key) else None

    def _unusable(self, waveform: Waveform) -> str | None:
        """The status of a waveform that cannot be encoded."""
        shortest = MIN_MS * self._encoder.identity.sample_rate // 1000
        if len(waveform) < max(shortest, self._encoder.min_samples):
            return "too_short"
        rms = float(np.sqrt(np.mean(np.square(waveform, dtype=np.float64))))
        if not np.isfinite(rms):
            return "non_finite"
        return "silent" if rms < SILENCE_RMS else None

    def _timed_cut(self, keys: Sequence[SegmentKey]) -> Iterator[tuple[SegmentKey, Waveform]]:
        if not keys:
            return
        spans = [(key.start_ms, min(key.end_ms, key.start_ms + self._max_ms)) for key in keys]
        cut = cutting.cut(self._path, spans, self._encoder.identity.sample_rate)
        while True:
            started = time.perf_counter()
            found = next(cut, None)
            self.decode_seconds += time.perf_counter() - started
            if found is None:
                return
            yield keys[found[0]], found[1]

    def embedded(self, batch: Sequence[tuple[SegmentKey, Waveform]]) -> list[SegmentRow]:
        """A row for every waveform, from one call of the encoder."""
        if not batch:
            return []
        self._encoder.load()
        started = time.perf_counter()
        embeddings = self._encoder.encode([waveform for _, waveform in batch])
        self.encode_seconds += time.perf_counter() - started
        self.batches += 1
        return [
            self._row(key, embedding) for (key, _), embedding in zip(batch, embeddings, strict=True)
        ]

    def _row(self, key: SegmentKey, embedding: Embeddings) -> SegmentRow:
        if not np.isfinite(embedding).all():
            return SegmentRow(key, "non_finite")
        whole = key.duration_ms <= self._max_ms and key.end_ms <= self.info.duration_ms
        return SegmentRow(key, "ok" if whole else "partial", embedding)
