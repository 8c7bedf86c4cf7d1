"""``recompute``: whether stored vectors still match their audio, by computing a sample again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter

import numpy as np

from pgvoice.hooks.audio.same_file import same_recording
from pgvoice.hooks.encoders.encoder import Encoder
from pgvoice.hooks.errors import AudioError
from pgvoice.hooks.fill.embedding_pass import EmbeddingPass
from pgvoice.store.recordings.encoders import EncoderIdentity
from pgvoice.store.recordings.segment_rows import SegmentRow
from pgvoice.store.upkeep.upkeep import SampledSegment
from pgvoice.store.voice_store import VoiceStore

#: The least similarity of two vectors that count as the same. Rounding, which differs from device
#: to device and from batch to batch, lowers it far less than this.
SAME = 0.999


@dataclass(frozen=True, slots=True)
class Recomputed:
    """The result of computing vectors again."""

    encoder: EncoderIdentity
    compared: int
    #: The segments whose vectors differ from the stored ones, and how.
    different: tuple[str, ...]
    #: Segments of the sample whose audio could not be used, by reason.
    unheard: dict[str, int] = field(default_factory=dict)


def recompute(store: VoiceStore, encoder: Encoder, number: int) -> Recomputed:
    """Compute `number` of the encoder's vectors again, chosen at random, and compare them.

    The audio is read from where it was filled from, or from where an audio source finds it, and is
    only used if it is the same file. Raises `UnknownEncoder` if the store has no vectors of the
    encoder, and `EncoderUnavailable`.
    """
    sample = store.upkeep.sample_vectors(number, encoder=encoder.identity)
    different: list[str] = []
    unheard: dict[str, int] = {}
    for _, group in groupby(sample, attrgetter("video")):
        segments = list(group)
        try:
            different += _compared(segments, encoder)
        except AudioError as error:
            unheard[str(error)] = len(segments)
    compared = len(sample) - sum(unheard.values())
    return Recomputed(encoder.identity, compared, tuple(different), unheard)


def _compared(segments: Sequence[SampledSegment], encoder: Encoder) -> list[str]:
    """What differs in one recording."""
    source, video = segments[0].source, segments[0].video
    with same_recording(video, source, segments[0].audio_sha256) as recording:
        batches = EmbeddingPass(encoder, recording).rows([each.row.key for each in segments])
        again = {row.key: row for rows in batches for row in rows}
    return [
        f"{segment.video}, {segment.row.key.start_ms} to {segment.row.key.end_ms} ms: {difference}"
        for segment in segments
        if (difference := _difference(segment.row, again[segment.row.key]))
    ]


def _difference(stored: SegmentRow, again: SegmentRow) -> str | None:
    if stored.embedding is None or again.embedding is None or stored.status != again.status:
        return f"{stored.status} is stored, {again.status} computed"
    if stored.embedding.shape != again.embedding.shape:
        return f"{stored.embedding.size} elements are stored, {again.embedding.size} computed"
    similarity = float(np.dot(stored.embedding, again.embedding))
    return None if similarity >= SAME else f"similarity {similarity:.3f} to the stored vector"
