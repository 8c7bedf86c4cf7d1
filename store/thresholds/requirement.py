"""What a segment must reach to get a name, and where that figure comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BandThreshold:
    """The threshold for segments of some length."""

    min_s: float
    #: Exclusive; None if the band has no end.
    max_s: float | None
    threshold: float


@dataclass(frozen=True, slots=True)
class Requirement:
    """The threshold and the margin that a name requires."""

    encoder: str
    #: None if it depends on the segment: see `bands`.
    threshold: float | None
    #: ``given``, the calibration, or the source of the encoder's own threshold.
    source: str
    #: Whether the threshold was measured on this library.
    calibrated: bool
    margin: float
    #: The calibrated thresholds.
    bands: tuple[BandThreshold, ...] = ()

    @property
    def by_length(self) -> Sequence[BandThreshold]:
        """The thresholds; a single one if they do not depend on the length."""
        return self.bands or [BandThreshold(0.0, None, self.threshold or 0.0)]
