"""How figures grow with a library, to extrapolate from a measured one."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

#: Figures by the number of segments.
Measured = Mapping[int, float]


@dataclass(frozen=True)
class Law:
    """A figure is proportional to `shape` of the number of segments."""

    name: str
    shape: Callable[[float], float]

    def at(self, segments: float, measured: Measured) -> float:
        """The figure, extrapolated from the largest measured library."""
        largest = max(measured)
        return measured[largest] * self.shape(segments) / self.shape(largest)

    def error(self, measured: Measured) -> float | None:
        """The factor by which the law misses the second largest library's figure.

        None if only one library was measured.
        """
        if len(measured) < 2:
            return None
        known = sorted(measured)[-2]
        return max(
            self.at(known, measured) / measured[known], measured[known] / self.at(known, measured)
        )

    def until(self, limit: float, measured: Measured) -> float:
        """The number of segments whose figure is `limit`; infinite if the figure does not grow."""
        if self.shape(2e9) == self.shape(1e9):
            return math.inf
        least, most = 1.0, 1e18
        while most / least > 1.001:
            middle = math.sqrt(least * most)
            if self.at(middle, measured) < limit:
                least = middle
            else:
                most = middle
        return least


CONSTANT = Law("stays", lambda _segments: 1.0)
LINEAR = Law("n", float)
#: HNSW: each row is searched among the rows before it.
SORTED = Law("n log n", lambda segments: segments * math.log(segments))
LOGARITHMIC = Law("log n", math.log)


def rounded(segments: float) -> str:
    """A number of segments with one significant digit: ``3 million``."""
    for unit, word in ((1e12, "million million"), (1e9, "thousand million"), (1e6, "million")):
        if segments >= unit:
            return f"{float(f'{segments / unit:.1g}'):,.0f} {word}"
    return f"{float(f'{segments:.1g}'):,.0f}"
