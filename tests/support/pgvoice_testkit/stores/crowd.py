"""A store with many voices in many videos, large enough for an index to matter."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text

from pgvoice.store import EncoderIdentity, SegmentKey, SegmentRow, VideoAudio, VoiceStore
from pgvoice_testkit.stores.filled import THRESHOLD

DIMENSION = 24
ENCODER = EncoderIdentity("crowd", "sha256:crowd", "1", DIMENSION, 16_000)
VIDEOS, SEGMENTS, VOICES = 200, 100, 100
#: The first segment of each video is the only long one.
LONG_SECONDS = 10.0
_AUDIO = VideoAudio("a" * 64, 2_000_000, "crowd.wav")


class Place(NamedTuple):
    """A segment of the crowd."""

    video: str
    span: tuple[float, float]
    voice: int


def video(number: int) -> str:
    return f"video {number:03}"


def span(segment: int) -> tuple[float, float]:
    start = 20.0 * segment
    return (start, start + (1.0 if segment else LONG_SECONDS))


def place(number: int, segment: int) -> Place:
    return Place(video(number), span(segment), int(_voices()[number, segment]))


def fill(store: VoiceStore) -> None:
    """Fill an empty store, and update the planner's statistics."""
    rng = np.random.default_rng(7)
    directions = rng.normal(size=(VOICES, DIMENSION))
    for number, voices in enumerate(_voices()):
        vectors = directions[voices] + 0.5 * rng.normal(size=(SEGMENTS, DIMENSION))
        ids = store.recordings.register(video(number), _AUDIO, ENCODER, THRESHOLD)
        store.recordings.write(ids, ENCODER, _rows(vectors))
    with store.database.engine.begin() as connection:
        connection.execute(text("ANALYZE"))


def put_twins(store: VoiceStore, video: str) -> None:
    """Store a video with two identical segments of a new voice."""
    vector = np.random.default_rng(8).normal(size=DIMENSION)
    ids = store.recordings.register(video, _AUDIO, ENCODER, THRESHOLD)
    store.recordings.write(ids, ENCODER, _rows(np.stack([vector, vector, vector]))[1:])


def _voices() -> NDArray[np.int64]:
    return np.random.default_rng(6).integers(0, VOICES, (VIDEOS, SEGMENTS))


def _rows(vectors: NDArray[np.float64]) -> list[SegmentRow]:
    unit = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return [
        SegmentRow(SegmentKey(*(round(1000 * time) for time in span(segment))), "ok", vector)
        for segment, vector in enumerate(unit)
    ]
