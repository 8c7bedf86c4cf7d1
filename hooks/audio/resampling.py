"""Resampling: of a whole waveform, or of a recording as it is decoded."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pgvoice.hooks.encoders.encoder import Waveform
from pgvoice.hooks.errors import needs_extra


def resample(samples: Waveform, rate: int, sample_rate: int) -> Waveform:
    """By soxr at 20-bit quality. A sample that is not finite would spread unpredictably."""
    if not len(samples):
        return samples
    if not np.isfinite(samples).all():
        return np.full(-(-len(samples) * sample_rate // rate), np.nan, np.float32)
    with needs_extra("extract"):
        import librosa

        resampled: Waveform = librosa.resample(
            samples, orig_sr=rate, target_sr=sample_rate, res_type="soxr_hq"
        )
    return resampled


class Resampler:
    """Resamples what it gets bit by bit; the pieces do not show in the result.

    Samples that are not finite count as zeros, as they would spread unpredictably.
    """

    def __init__(self, rate: int, sample_rate: int) -> None:
        self._rate, self._sample_rate = rate, sample_rate
        self._waiting: list[Waveform] = []
        self._given = self._returned = 0
        self._stream = None
        if rate != sample_rate:
            with needs_extra("extract"):
                import soxr
            self._stream = soxr.ResampleStream(rate, sample_rate, 1, "float32", "HQ")

    def add(self, samples: Waveform) -> Iterator[Waveform]:
        """The next samples; what is ready is returned, for each second that is full."""
        finite = np.isfinite(samples)
        self._waiting.append(samples if finite.all() else np.where(finite, samples, 0))
        self._given += len(samples)
        waiting = sum(map(len, self._waiting))
        while waiting >= self._rate:
            joined = np.concatenate(self._waiting)
            second, rest = joined[: self._rate], joined[self._rate :]
            self._waiting, waiting = [rest], len(rest)
            yield self._resampled(second, last=False)

    def end(self) -> Iterator[Waveform]:
        """The rest, so that the length is that of the audio."""
        rest = self._resampled(np.concatenate([*self._waiting, _NOTHING]), last=True)
        missing = (self._given * self._sample_rate + self._rate // 2) // self._rate - self._returned
        yield np.pad(rest, (0, max(0, missing)))[: max(0, len(rest) + missing)]

    def _resampled(self, samples: Waveform, *, last: bool) -> Waveform:
        resampled = samples
        if self._stream is not None:
            resampled = self._stream.resample_chunk(np.ascontiguousarray(samples), last)
        self._returned += len(resampled)
        return resampled


_NOTHING = np.empty(0, np.float32)
