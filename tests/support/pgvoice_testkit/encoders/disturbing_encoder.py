"""An encoder that calls a function in the middle of a fill."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pgvoice.hooks.encoders.encoder import Embeddings, Waveform
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder


class DisturbedEncoder(CountingEncoder):
    """Embeds one segment at a time, and calls `disturb` before number `at`."""

    def __init__(self, disturb: Callable[[], object], at: int, *, dimension: int = 16) -> None:
        super().__init__(batch_samples=1, dimension=dimension)
        self._disturb, self._at = disturb, at

    def encode(self, waveforms: Sequence[Waveform]) -> Embeddings:
        if len(self.calls) == self._at:
            self._disturb()
        return super().encode(waveforms)
