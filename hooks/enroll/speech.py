"""Windows of a recording, and which of them contain speech, by the levels of their frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from pgvoice.hooks.encoders.encoder import Waveform
from pgvoice.hooks.fill.embedding_pass import SILENCE_RMS
from pgvoice.store.keys import SegmentKey

WINDOW_MS = 3_000
HOP_MS = 1_500
#: More windows say nothing new about a voice; of a longer recording this many are chosen evenly.
MAX_WINDOWS = 200
#: Speech is what is at most this much quieter than the loud parts of its recording: the level that
#: one in twenty frames exceeds.
SPEECH_RANGE_DB = 30.0
LOUD_QUANTILE = 0.95
#: Windows with a smaller share of speech are left out.
MIN_SPEECH_SHARE = 1 / 3
FRAME_MS = 100

#: Root mean squares of a waveform's frames.
Frames = NDArray[np.float64]


def windows(span: SegmentKey) -> list[SegmentKey]:
    """Windows of 3 s, every 1.5 s; a shorter span is one window.

    If half a hop or more is left over, another window ends where the span ends.
    """
    if span.duration_ms <= WINDOW_MS:
        return [span]
    last = span.end_ms - WINDOW_MS
    starts = list(range(span.start_ms, last + 1, HOP_MS))
    if 2 * (last - starts[-1]) >= HOP_MS:
        starts.append(last)
    return [SegmentKey(start, start + WINDOW_MS) for start in starts]


def spread(found: Sequence[SegmentKey], most: int) -> list[SegmentKey]:
    """At most `most` of the windows, evenly spaced from the first to the last."""
    if len(found) <= most:
        return list(found)
    return [found[round(place)] for place in np.linspace(0, len(found) - 1, most)]


def frames(waveform: Waveform, sample_rate: int) -> Frames:
    """The levels of frames of 100 ms; the last frame includes the remainder."""
    length = FRAME_MS * sample_rate // 1000
    whole = max(1, len(waveform) // length)
    starts = np.arange(whole) * length
    squares = np.square(waveform, dtype=np.float64)
    counts = np.diff([*starts, len(waveform)])
    levels: Frames = np.sqrt(np.add.reduceat(squares, starts) / counts)
    return levels


class Speech:
    """The windows of a recording that contain speech, by the levels of their frames."""

    def __init__(self, levels: Mapping[SegmentKey, Frames]) -> None:
        self._levels = levels
        #: The level of the frames that count as speech.
        self.level = 0.0
        if levels:
            loud = float(np.quantile(np.concatenate(list(levels.values())), LOUD_QUANTILE))
            self.level = max(loud * 10 ** (-SPEECH_RANGE_DB / 20), SILENCE_RMS)
        shares = {key: self.share(found) for key, found in levels.items()}
        #: The share of speech in each window that contains enough of it, in (0, 1].
        self.shares = {key: share for key, share in shares.items() if share >= MIN_SPEECH_SHARE}

    def share(self, levels: Frames) -> float:
        """The share of frames with speech, in [0, 1]."""
        return float(np.mean(levels >= self.level))

    @property
    def milliseconds(self) -> int:
        """The length of the speech in these windows; what several of them share counts once."""
        heard: set[int] = set()
        for key in self.shares:
            for place in np.flatnonzero(self._levels[key] >= self.level):
                # In steps of 10 ms, because a window may start between two frames of another.
                first = key.start_ms + int(place) * FRAME_MS
                heard.update(range(first // 10, (first + FRAME_MS) // 10))
        return 10 * len(heard)
