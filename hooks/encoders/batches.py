"""Waveforms of equal length: what a network that pads may take in one batch without padding."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from pgvoice.hooks.encoder import Waveform


def equal_lengths(waveforms: Sequence[Waveform]) -> list[list[int]]:
    """Places of the waveforms, those of one length together, the shortest first."""
    groups: dict[int, list[int]] = defaultdict(list)
    for place, waveform in enumerate(waveforms):
        groups[waveform.size].append(place)
    return [groups[size] for size in sorted(groups)]
