"""An encoder that kills its process once; a module, so that other processes can import it."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path

from pgvoice.hooks.encoders.encoder import Embeddings, Waveform
from pgvoice_testkit.encoders.counting_encoder import CountingEncoder


class DyingEncoder(CountingEncoder):
    """Kills the process at the first call, which creates the file `mark`."""

    def __init__(self, mark: str) -> None:
        super().__init__()
        self._mark = Path(mark)

    def encode(self, waveforms: Sequence[Waveform]) -> Embeddings:
        if not self._mark.exists():
            self._mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().encode(waveforms)
