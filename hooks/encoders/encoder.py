"""The ``Encoder`` protocol: waveforms in, one vector of unit length for each out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

from pgvoice.store.recordings.encoders import EncoderIdentity, Threshold

if TYPE_CHECKING:  # importing it takes long, and commands that only ask need none of it
    import numpy as np
    from numpy.typing import NDArray

#: One segment's samples: shape ``(samples,)``, mono, in [-1, 1], at the encoder's sample rate.
Waveform: TypeAlias = "NDArray[np.float32]"
#: Shape ``(segments, dimension)``, every row of unit length.
Embeddings: TypeAlias = "NDArray[np.float32]"


@runtime_checkable
class Encoder(Protocol):
    """A speaker encoder. Creating one is cheap; the first `encode` loads the weights."""

    @property
    def identity(self) -> EncoderIdentity:
        """Available without loading weights and without importing torch."""

    @property
    def default_threshold(self) -> Threshold:
        """The similarity that 1 % of comparisons of two people in one recording reach.

        It applies, for one enrolled person, until the library's own turns or a calibration say
        more; the number of people raises it. What is expected of impostors before that scales
        with it, so a guess that is too low names strangers.
        """

    @property
    def min_samples(self) -> int:
        """The length of the shortest waveform that `encode` accepts, in samples."""

    @property
    def batch_samples(self) -> int:
        """The approximate number of samples, over all segments, for one call of `encode`.

        On a CPU a call may get fewer: see `EmbeddingPass`.
        """

    @property
    def device(self) -> str:
        """The device that the model runs on: ``cpu``, ``cuda:0``, ``mps``. May import torch."""

    def load(self) -> None:
        """Load the weights now instead of at the first `encode`; later calls do nothing.

        Raises `EncoderUnavailable` if the weights are missing.
        """

    def encode(self, waveforms: Sequence[Waveform]) -> Embeddings:
        """One row per waveform, in order; each row depends on its own waveform only.

        A row is NaN if its vector is not finite. Raises `ValueError` for a waveform shorter than
        `min_samples`, `EncoderUnavailable` as `load` does, and the device's out-of-memory errors.
        """
