"""Stores with a few vectors in them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np

from pgvoice.store import EncoderIdentity, SegmentKey, SegmentRow, Threshold, VideoAudio, VoiceStore
from pgvoice.store.recordings.segment_rows import Embedding

ENCODER = EncoderIdentity("toy", "sha256:0123456789abcdef", "1", 3, 16_000)
OTHER_ENCODER = EncoderIdentity("toy", "sha256:fedcba9876543210", "1", 3, 16_000)
THRESHOLD = Threshold(0.5, "made up")


def unit(*elements: float) -> Embedding:
    """The unit vector in this direction."""
    vector = np.array(elements, np.float64)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


X, Y, Z = unit(1, 0, 0), unit(0, 1, 0), unit(0, 0, 1)


def put(
    store: VoiceStore,
    video: str,
    rows: Mapping[tuple[float, float], Embedding | str],
    encoder: EncoderIdentity = ENCODER,
    *,
    audio: str | None = None,
) -> None:
    """Store rows by (start, end) in seconds: a vector, or a status."""
    sha256 = audio or hashlib.sha256(video.encode()).hexdigest()
    ids = store.recordings.register(
        video, VideoAudio(sha256, 600_000, f"{video}.wav"), encoder, THRESHOLD
    )
    store.recordings.write(ids, encoder, [_row(span, value) for span, value in rows.items()])


def _row(span: tuple[float, float], value: Embedding | str) -> SegmentRow:
    key = SegmentKey(round(span[0] * 1000), round(span[1] * 1000))
    return SegmentRow(key, value) if isinstance(value, str) else SegmentRow(key, "ok", value)
