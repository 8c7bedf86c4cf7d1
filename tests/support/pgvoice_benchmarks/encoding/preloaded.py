"""A plain model on waveforms in memory: one by one, and in padded batches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence

from pgvoice.hooks.encoders.encoder import Embeddings, Waveform
from pgvoice_benchmarks.encoding.models import PlainModel
from pgvoice_benchmarks.timing import Progress, Run, Timed, timed

BATCH = 32
ONE_BY_ONE = "one by one"


def runs(model: PlainModel, waveforms: Sequence[Waveform]) -> dict[str, Run[Embeddings]]:
    """The runs by name."""

    def alone(progress: Progress) -> Timed[Embeddings]:
        return timed(lambda: one_by_one(model, waveforms, progress))

    def in_batches(progress: Progress) -> Timed[Embeddings]:
        return timed(lambda: padded(model, waveforms, progress))

    def with_lengths(progress: Progress) -> Timed[Embeddings]:
        return timed(lambda: padded(model, waveforms, progress, lengths=True))

    ways: dict[str, Run[Embeddings]] = {ONE_BY_ONE: alone}
    if model.takes_lengths:
        ways[f"padded batches of {BATCH} with wav_lens"] = with_lengths
    ways[f"padded batches of {BATCH} without lengths"] = in_batches
    return ways


def one_by_one(model: PlainModel, waveforms: Sequence[Waveform], progress: Progress) -> Embeddings:
    rows = []
    for done, waveform in enumerate(waveforms):
        progress(done, len(waveforms))
        rows.append(model.encode(torch.from_numpy(waveform)[None]))
    return np.concatenate(rows)


def padded(
    model: PlainModel, waveforms: Sequence[Waveform], progress: Progress, *, lengths: bool = False
) -> Embeddings:
    """Batches in the given order, each padded with zeros to its longest waveform."""
    rows = []
    for start in range(0, len(waveforms), BATCH):
        progress(start, len(waveforms))
        batch = [torch.from_numpy(waveform) for waveform in waveforms[start : start + BATCH]]
        sizes = torch.tensor([float(len(waveform)) for waveform in batch])
        shares = sizes / sizes.max() if lengths else None
        rows.append(model.encode(pad_sequence(batch, batch_first=True), shares))
    return np.concatenate(rows)


def worst_cosine(rows: Embeddings, reference: Embeddings) -> float:
    """The least cosine similarity of a row to its reference; both have unit length."""
    return float((rows.astype(np.float64) * reference).sum(1).min())
