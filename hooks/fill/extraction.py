"""``extract_embeddings_batch``: vectors without a store, for pipelines that call just that."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from pgvoice.hooks.audio.recording import open_recording
from pgvoice.hooks.encoders.encoder import Embeddings, Encoder
from pgvoice.hooks.encoders.registry import make_encoder
from pgvoice.hooks.fill.embedding_pass import EmbeddingPass
from pgvoice.store.keys import snap_segments

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
