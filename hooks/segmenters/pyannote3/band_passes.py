"""The filters of a SincNet: ideal band-passes, cut off by a window."""

from __future__ import annotations

import torch
from torch import Tensor

from pgvoice.hooks.segmenters.pyannote3.topology import BandPasses

#: Hz: the lowest start of a band, its smallest width, and its highest end at 16 kHz.
LOWEST, NARROWEST, HIGHEST = 50.0, 50.0, 8_000.0


def filters(bands: BandPasses) -> Tensor:
    """``(filters, 1, taps)``: for each band a filter that is even, then for each one that is odd.

    The even ones are those of Ravanelli & Bengio, equation 4; the odd ones are the same bands a
    quarter of a period later (Pariente et al., "Filterbank design for end-to-end speech
    separation", ICASSP 2020, https://arxiv.org/abs/1910.10400).
    """
    low = LOWEST + bands.low_hz_.abs()
    high = (low + NARROWEST + bands.band_hz_.abs()).clamp(LOWEST, HIGHEST)
    width = high - low
    at_low, at_high = low * bands.n_, high * bands.n_
    scale = bands.window_ / (bands.n_ * width)
    even, odd = (at_high.sin() - at_low.sin()) * scale, (at_low.cos() - at_high.cos()) * scale
    evens = torch.cat([even, torch.ones_like(width), even.flip(1)], 1)
    odds = torch.cat([odd, torch.zeros_like(width), -odd.flip(1)], 1)
    return torch.cat([evens, odds])[:, None]
