"""An encoder that stops before it encodes, to look at what waits for it."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from pgvoice.hooks.encoders.encoder import Embeddings, Waveform
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder

#: Seconds after which nobody lets it go on any more.
_LONGEST = 60


class WaitingEncoder(CountingEncoder):
    """Encodes once it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.go_on = threading.Event(), threading.Event()

    def encode(self, waveforms: Sequence[Waveform]) -> Embeddings:
        self.begun.set()
        assert self.go_on.wait(_LONGEST)
        return super().encode(waveforms)
