"""The ``Encoder`` protocol: waveforms in, unit-length vectors out, each from its own alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from pgvoice.store.recordings.encoders import EncoderIdentity, Threshold

#: One segment's samples: shape ``(samples,)``, mono, in [-1, 1], at the encoder's sample rate.
Waveform = NDArray[np.float32]
#: Shape ``(segments, dimension)``, every row of unit length.
Embeddings = NDArray[np.float32]


@runtime_checkable
class Encoder(Protocol):
    """A speaker encoder. Building one is cheap; weights are loaded by the first `encode`."""

    @property
    def identity(self) -> EncoderIdentity:
        """Known without loading weights and without importing torch."""
        ...

    @property
    def default_threshold(self) -> Threshold:
        """Used by identification until the library is calibrated."""
        ...

    @property
    def min_samples(self) -> int:
        """The shortest waveform that `encode` takes, in samples."""
        ...

    @property
    def batch_samples(self) -> int:
        """About how many samples one call of `encode` should be given, all segments together."""
        ...

    @property
    def device(self) -> str:
        """Where the model runs: ``cpu``, ``cuda:0``, ``mps``. May import torch."""
        ...

    def load(self) -> None:
        """Load the weights now instead of at the first `encode`; once is enough.

        Raises `EncoderUnavailable` when they cannot be had.
        """
        ...

    def encode(self, waveforms: Sequence[Waveform]) -> Embeddings:
        """One row per waveform, in order; a row depends on its own waveform alone.

        A waveform whose vector would not be finite gets a row of NaN. Raises `ValueError` for a
        waveform shorter than `min_samples`, `EncoderUnavailable` as `load` does, and lets
        out-of-memory errors of the device through.
        """
        ...
