"""Checks of an encoder's input, and unit length for its output."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pgvoice.hooks.encoders.encoder import Embeddings, Waveform


def check_waveforms(waveforms: Sequence[Waveform], min_samples: int) -> None:
    """Raise `ValueError` for the first waveform that is too short, not mono or not float32."""
    for place, waveform in enumerate(waveforms):
        if waveform.ndim != 1 or waveform.dtype != np.float32:
            raise ValueError(
                f"waveform {place} is {waveform.dtype} of shape {waveform.shape}; "
                "expected float32 of shape (samples,)"
            )
        if waveform.size < min_samples:
            raise ValueError(
                f"waveform {place} has {waveform.size} samples; at least {min_samples} are needed"
            )


def unit_rows(vectors: Embeddings) -> Embeddings:
    """Each row divided by its length; NaN throughout if the result is not finite."""
    with np.errstate(all="ignore"):
        lengths = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
        rows: Embeddings = (vectors / lengths).astype(np.float32)
    rows[~np.isfinite(rows).all(axis=1)] = np.nan
    return rows
