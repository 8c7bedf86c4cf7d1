"""All of a recording at once, for diarizers that cannot take it in pieces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from pgvoice.hooks.encoders.encoder import Waveform
from pgvoice.hooks.segmenters.segmenter import SegmenterAudio
from pgvoice.store.turns import Turn

#: Of the pieces that are copied together.
PIECE_MS = 60_000


def whole_audio(audio: SegmenterAudio, sample_rate: int) -> Waveform:
    """The recording's samples, in [-1, 1]: 230 MB an hour at 16 kHz. Raises `AudioError`."""
    whole = np.zeros(_samples(audio.info.duration_ms + PIECE_MS, sample_rate), np.float32)
    end = 0
    for start_ms, piece in audio.windows(PIECE_MS, PIECE_MS, sample_rate):
        start = _samples(start_ms, sample_rate)
        end = min(start + len(piece), len(whole))
        np.clip(piece[: end - start], -1, 1, out=whole[start:end])
    return whole[:end]


def in_order(spans: Iterable[tuple[float, float, str]], audio: SegmenterAudio) -> Iterator[Turn]:
    """Turns by start, within the recording. `spans`: start and end in seconds, and the label."""
    seconds = audio.info.duration_ms / 1000
    for start, end, label in sorted(spans):
        start, end = round(max(start, 0.0), 3), round(min(end, seconds), 3)
        if start < end:
            yield Turn(start, end, label)


def _samples(ms: int, rate: int) -> int:
    return (ms * rate + 500) // 1000
