"""``cut``: the waveforms of spans, from one pass of a decoder."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from pgvoice.hooks.audio.decoder import Decoder, Range
from pgvoice.hooks.encoders.encoder import Waveform
from pgvoice.hooks.errors import needs_extra


@dataclass(slots=True)
class _Span:
    """A span and the part of it that has been decoded, in samples at the file's own rate."""

    index: int
    duration_ms: int
    samples: Range
    pieces: list[Waveform] = field(default_factory=list)

    def hear(self, position: int, block: Waveform) -> None:
        first, end = (max(0, sample - position) for sample in self.samples)
        self.pieces.append(block[first:end])

    def take(self) -> Waveform:
        """What was decoded; the span lets go of it, so that memory only keeps unfinished spans."""
        pieces, self.pieces = self.pieces, []
        return np.concatenate(pieces) if pieces else np.empty(0, np.float32)


def cut(
    decoder: Decoder, spans_ms: Sequence[tuple[int, int]], sample_rate: int
) -> Iterator[tuple[int, Waveform]]:
    """What `OpenRecording.cut` yields, from an open decoder."""
    for start_ms, end_ms in spans_ms:
        if not 0 <= start_ms <= end_ms:
            raise ValueError(
                f"({start_ms}, {end_ms}) is not a span: 0 <= start <= end is required, in ms"
            )
    rate = decoder.sample_rate
    spans = [_span(index, span, rate) for index, span in enumerate(spans_ms)]
    for span in _heard(decoder, spans):
        yield span.index, _finish(span, rate, sample_rate)


def _span(index: int, span_ms: tuple[int, int], rate: int) -> _Span:
    start_ms, end_ms = span_ms
    start = _samples(start_ms, rate)
    duration_ms = end_ms - start_ms
    return _Span(index, duration_ms, Range(start, start + _samples(duration_ms, rate)))


def _samples(ms: int, rate: int) -> int:
    """Rounded half up, in integer arithmetic."""
    return (ms * rate + 500) // 1000


def _heard(decoder: Decoder, spans: Sequence[_Span]) -> Iterator[_Span]:
    """Every span, as soon as its last sample is decoded or the audio has ended."""
    waiting = deque(sorted(spans, key=lambda span: span.samples))
    hearing: list[_Span] = []
    for position, block in decoder.blocks(_union(waiting)):
        end = position + len(block)
        while waiting and waiting[0].samples.start < end:
            hearing.append(waiting.popleft())
        for span in hearing:
            span.hear(position, block)
        if any(span.samples.stop <= end for span in hearing):
            yield from sorted((s for s in hearing if s.samples.stop <= end), key=_stop)
            hearing = [span for span in hearing if span.samples.stop > end]
    yield from sorted(hearing, key=_stop)
    yield from waiting


def _stop(span: _Span) -> int:
    return span.samples.stop


def _union(spans: Iterable[_Span]) -> list[Range]:
    """The samples of spans sorted by start, ascending and disjoint; empty spans add nothing."""
    ranges: list[Range] = []
    for start, stop in (span.samples for span in spans):
        if ranges and start <= ranges[-1].stop:
            ranges[-1] = Range(ranges[-1].start, max(stop, ranges[-1].stop))
        elif start < stop:
            ranges.append(Range(start, stop))
    return ranges


def _finish(span: _Span, rate: int, sample_rate: int) -> Waveform:
    """The span's waveform at `sample_rate`, with the length that it should have."""
    samples = span.take()
    length = _samples(span.duration_ms, sample_rate)
    if len(samples) < span.samples.stop - span.samples.start:
        length = min(length, (len(samples) * sample_rate + rate // 2) // rate)
    resampled = samples if rate == sample_rate else _resample(samples, rate, sample_rate)
    missing = max(0, length - len(resampled))
    return np.pad(resampled, (0, missing))[:length] if missing else resampled[:length]


def _resample(samples: Waveform, rate: int, sample_rate: int) -> Waveform:
    """By soxr at 20-bit quality. A sample that is not finite would spread unpredictably."""
    if not len(samples):
        return samples
    if not np.isfinite(samples).all():
        return np.full(-(-len(samples) * sample_rate // rate), np.nan, np.float32)
    with needs_extra("extract"):
        import librosa

        resampled: Waveform = librosa.resample(
            samples, orig_sr=rate, target_sr=sample_rate, res_type="soxr_hq"
        )
    return resampled
