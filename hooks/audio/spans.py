"""Spans of a recording: their samples as they are decoded, and their waveforms at any rate."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from pgvoice.hooks.audio.decoder import Range
from pgvoice.hooks.audio.resampling import resample
from pgvoice.hooks.encoders.encoder import Waveform


@dataclass(slots=True)
class Span:
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


def span_at(index: int, span_ms: tuple[int, int], rate: int) -> Span:
    """The span in samples at `rate`; raises `ValueError` for what is no span."""
    start_ms, end_ms = span_ms
    if not 0 <= start_ms <= end_ms:
        raise ValueError(
            f"({start_ms}, {end_ms}) is not a span: 0 <= start <= end is required, in ms"
        )
    start = samples_of(start_ms, rate)
    duration_ms = end_ms - start_ms
    return Span(index, duration_ms, Range(start, start + samples_of(duration_ms, rate)))


def samples_of(ms: int, rate: int) -> int:
    """Rounded half up, in integer arithmetic."""
    return (ms * rate + 500) // 1000


def stop_of(span: Span) -> int:
    return span.samples.stop


def union(spans: Iterable[Span]) -> list[Range]:
    """The samples of spans sorted by start, ascending and disjoint; empty spans add nothing."""
    ranges: list[Range] = []
    for start, stop in (span.samples for span in spans):
        if ranges and start <= ranges[-1].stop:
            ranges[-1] = Range(ranges[-1].start, max(stop, ranges[-1].stop))
        elif start < stop:
            ranges.append(Range(start, stop))
    return ranges


def finished(span: Span, rate: int, sample_rate: int) -> Waveform:
    """The span's waveform at `sample_rate`, with the length that it should have."""
    samples = span.take()
    length = samples_of(span.duration_ms, sample_rate)
    if len(samples) < span.samples.stop - span.samples.start:
        length = min(length, (len(samples) * sample_rate + rate // 2) // rate)
    resampled = samples if rate == sample_rate else resample(samples, rate, sample_rate)
    missing = max(0, length - len(resampled))
    return np.pad(resampled, (0, missing))[:length] if missing else resampled[:length]
