"""``FillReport``: what a fill found and did."""

from __future__ import annotations

from dataclasses import dataclass

from pgvoice.store.recordings.encoders import EncoderIdentity
from pgvoice.store.recordings.fills import FillRun


@dataclass(frozen=True, slots=True)
class FillReport:
    """What a fill found and did."""

    video: str
    encoder: EncoderIdentity
    run: FillRun
    #: Whether the audio file was opened.
    decoded: bool = False
    #: Calls of the encoder.
    encoder_calls: int = 0

    @property
    def missing(self) -> int:
        """Distinct segments that were not stored before."""
        return self.run.requested - self.run.hits
