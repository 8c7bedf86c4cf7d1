"""What a segment must reach to get a name, and where that figure comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: Where thresholds come from; the first of these that there is applies.
Kind = Literal["given", "calibrated", "library", "encoder default"]


@dataclass(frozen=True, slots=True)
class BandThreshold:
    """The threshold for segments of some length."""

    min_s: float
    #: Exclusive; None if the band has no end.
    max_s: float | None
    threshold: float
    #: From this similarity on, an answer below the threshold is a suggestion.
    suggested: float


@dataclass(frozen=True, slots=True)
class Requirement:
    """The threshold and the margin that a name requires."""

    encoder: str
    kind: Kind
    #: The kind, and what it was measured on.
    source: str
    margin: float
    #: The number of people that each segment is compared with: thresholds rise with it.
    gallery: int
    #: By length, from 0 s on. Thresholds of the library are those for a recording like most of its
    #: own; that of a segment depends on its recording and on the person too.
    bands: tuple[BandThreshold, ...]

    @property
    def threshold(self) -> float | None:
        """The threshold; None if it depends on the segment."""
        values = {band.threshold for band in self.bands}
        return values.pop() if len(values) == 1 and self.kind != "library" else None
