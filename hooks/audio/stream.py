"""``AudioStream``: a recording decoded once, from start to end, for two readers at the same time.

A segmenter gets windows of it. The spans of the turns that it finds are cut from what was decoded
last, which stays in memory, so that nothing is decoded twice and memory does not grow with the
recording.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from pgvoice.hooks.audio.recording import AudioInfo, OpenRecording
from pgvoice.hooks.audio.resampling import Resampler
from pgvoice.hooks.audio.spans import Span, finished, samples_of, span_at, stop_of
from pgvoice.hooks.encoders.encoder import Waveform

#: How much stays in memory of what was decoded last: two turns of the longest kind, and what a
#: segmenter that looks at windows of ten seconds lags behind. As much can be held besides.
KEPT_MS = 180_000

#: Called with the milliseconds of audio that are done, and those of the whole.
OnAudio = Callable[[int, int], None]


class AudioStream:
    """One pass over an open recording."""

    def __init__(self, recording: OpenRecording, on_audio: OnAudio | None = None) -> None:
        """`on_audio` is called as the audio is decoded."""
        self._recording = recording
        self._on_audio = on_audio
        self._decoded = recording.blocks()
        self._kept: deque[tuple[int, Waveform]] = deque()
        #: What windows have still to be made of; None if nobody wants windows.
        self._ahead: deque[Waveform] | None = None
        self._held_from: int | None = None
        #: Samples that are decoded, and whether these are all.
        self._position, self._has_ended = 0, False
        self._told_ms = 0
        #: Spent on windows: decoding and resampling.
        self.window_seconds = 0.0

    @property
    def path(self) -> Path:
        return self._recording.path

    @property
    def info(self) -> AudioInfo:
        return self._recording.info

    def windows(
        self, length_ms: int, step_ms: int, sample_rate: int
    ) -> Iterator[tuple[int, Waveform]]:
        """(start in ms, mono waveform), as `SegmenterAudio` describes; once, before any `cut`.

        All of the audio is resampled in one go. Samples that are not finite are zero here.
        """
        if self._position or self._ahead is not None:
            raise ValueError("audio is decoded once: ask for its windows once, and before spans")
        self._ahead = deque()
        with closing(self._windows(length_ms, step_ms, sample_rate)) as windows:
            while True:
                started = time.perf_counter()
                window = next(windows, None)
                self.window_seconds += time.perf_counter() - started
                if window is None:
                    return
                yield window
                del window

    def cut(
        self, spans_ms: Sequence[tuple[int, int]], sample_rate: int
    ) -> Iterator[tuple[int, Waveform]]:
        """The same waveforms as `OpenRecording.cut`, in the same order; decodes on as needed.

        Raises `AudioError` as that does, and `ValueError` for a span that is no longer in memory.
        """
        rate = self.info.sample_rate
        spans = [span_at(index, span, rate) for index, span in enumerate(spans_ms)]
        for span in sorted(sorted(spans, key=lambda span: span.samples), key=stop_of):
            while self._position < span.samples.stop and self._advance():
                pass
            self._recording.check_unchanged()
            self._hear(span)
            yield span.index, finished(span, rate, sample_rate)

    def has(self, start_ms: int, end_ms: int) -> bool:
        """Whether a span can be cut: it is in memory, as far as it was decoded."""
        rate = self.info.sample_rate
        return self._covers(*span_at(0, (start_ms, end_ms), rate).samples)

    def hold(self, from_ms: int | None) -> None:
        """Keep the audio from a time on, up to `KEPT_MS` of it, however much is decoded; or not."""
        rate = self.info.sample_rate
        self._held_from = None if from_ms is None else samples_of(from_ms, rate)

    def _windows(
        self, length_ms: int, step_ms: int, rate: int
    ) -> Generator[tuple[int, Waveform], None, None]:
        made, start_ms = _Made(), 0
        try:
            for piece in self._resampled(rate):
                made.add(piece)
                while made.end >= (stop := samples_of(start_ms + length_ms, rate)):
                    yield start_ms, made.take(samples_of(start_ms, rate), stop)
                    start_ms += step_ms
                    made.forget(samples_of(start_ms, rate))
        finally:
            self._ahead = None
        last_stop = samples_of(start_ms - step_ms + length_ms, rate) if start_ms else 0
        if made.end > max(last_stop, start := samples_of(start_ms, rate)):
            yield start_ms, made.take(start, made.end)

    def _resampled(self, rate: int) -> Iterator[Waveform]:
        resampler = Resampler(self.info.sample_rate, rate)
        while self._ahead or self._advance():
            if self._ahead:
                yield from resampler.add(self._ahead.popleft())
        self._recording.check_unchanged()
        yield from resampler.end()

    def _advance(self) -> bool:
        """Decode a block, if there is another one."""
        whole, rate = self.info.duration_ms, self.info.sample_rate
        found = None if self._has_ended else next(self._decoded, None)
        if found is None:
            self._has_ended = True
            self._tell(whole)
            return False
        position, block = found
        self._position = position + len(block)
        self._kept.append(found)
        if self._ahead is not None:
            self._ahead.append(block)
        self._forget()
        self._tell(min(whole, self._position * 1000 // rate))
        return True

    def _tell(self, done_ms: int) -> None:
        if self._on_audio and done_ms > self._told_ms:
            self._told_ms = done_ms
            self._on_audio(done_ms, self.info.duration_ms)

    def _forget(self) -> None:
        """Let go of what is neither among the last minutes nor held."""
        most = samples_of(KEPT_MS, self.info.sample_rate)
        held = -1 if self._held_from is None else self._held_from
        later = list[tuple[int, Waveform]]()
        while self._kept and (end := self._kept[0][0] + len(self._kept[0][1])) < (
            self._position - most
        ):
            position, block = self._kept.popleft()
            if 0 <= held < end and position < held + most:
                later.append((position, block))
        self._kept.extendleft(reversed(later))

    def _covers(self, start: int, stop: int) -> bool:
        reached = start
        for position, block in self._kept:
            if position <= reached:
                reached = max(reached, position + len(block))
        return reached >= min(stop, self._position)

    def _hear(self, span: Span) -> None:
        start, stop = span.samples
        if not self._covers(start, stop):
            raise ValueError(f"the span from {start} to {stop} samples is no longer in memory")
        for position, block in self._kept:
            if position < stop and position + len(block) > start:
                span.hear(position, block)


class _Made:
    """Samples of windows, at the windows' rate, from the start of the next window on."""

    def __init__(self) -> None:
        self._start = 0
        self._samples = np.empty(0, np.float32)

    @property
    def end(self) -> int:
        return self._start + len(self._samples)

    def add(self, piece: Waveform) -> None:
        self._samples = np.concatenate([self._samples, piece])

    def take(self, start: int, stop: int) -> Waveform:
        """A copy, which whoever gets it may keep or change."""
        return self._samples[start - self._start : stop - self._start].copy()

    def forget(self, before: int) -> None:
        skipped = min(before, self.end) - self._start
        self._start, self._samples = self._start + skipped, self._samples[skipped:]
