"""``Levels``: how loud the recording is in each frame, and where speech starts and ends by that."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pgvoice.hooks.encoders.encoder import Waveform
from pgvoice.hooks.segmenters.pyannote3.geometry import FRAME_SAMPLES, SEEN_SAMPLES, frames
from pgvoice.hooks.segmenters.pyannote3.settings import Settings
from pgvoice.hooks.segmenters.pyannote3.stitching import Floats

#: Samples, 25 ms in the middle of what a frame is computed from, whose level is the frame's.
HEARD_SAMPLES = 400
#: Of digital silence, in dB.
LOWEST = -100.0
#: Whether anybody speaks in a frame.
IsHeard = Callable[[int], bool]


def frame_levels(waveform: Waveform, count: int) -> Floats:
    """The level of the first `count` frames of a waveform, in dB of full scale."""
    sums = np.r_[0.0, np.cumsum(np.square(waveform, dtype=np.float64))]
    first = np.arange(count) * FRAME_SAMPLES + (SEEN_SAMPLES - HEARD_SAMPLES) // 2
    start, stop = (np.clip(first + at, 0, len(waveform)) for at in (0, HEARD_SAMPLES))
    means = (sums[stop] - sums[start]) / np.maximum(stop - start, 1)
    levels: Floats = (10 * np.log10(means + 10 ** (LOWEST / 10))).astype(np.float32)
    return levels


class Levels:
    """The levels of the last minutes, by frame."""

    def __init__(self, first_frame: int, settings: Settings) -> None:
        self._settings = settings
        self._first = first_frame
        self._levels = np.empty(0, np.float32)
        self._reach = frames(settings.quieter_seconds)
        self._excess = frames(settings.silent_seconds)
        self._floor = frames(settings.floor_seconds)
        #: Of frames that nobody asks for any more, twice what a turn and the noise need.
        self._kept = 2 * (frames(settings.longest_seconds) + self._floor)

    def push(self, levels: Floats) -> None:
        """Add the levels of the next frames."""
        self._levels = np.concatenate([self._levels, levels])

    def forget(self, position: int) -> None:
        """Let go of frames long before one."""
        old = max(0, position - self._kept - self._first)
        self._levels, self._first = self._levels[old:], self._first + old

    def extended(self, start: int, stop: int, is_heard: IsHeard) -> tuple[int, int]:
        """Where speech in these frames really starts and ends.

        Speech goes on, within `quieter_seconds` around them, as long as nobody speaks there by the
        network and the level is not `quieter_db` below that of these frames. If it does not,
        silence is taken away from their ends.
        """
        inside = self._of(start, stop)
        if not len(inside):
            return start, stop
        going_on, silent = self._bounds(start, stop)
        first = self._moved(start, -1, going_on, is_heard)
        last = self._moved(stop, 1, going_on, is_heard)
        if first == start:
            first += self._silence(inside, silent)
        if last == stop:
            last -= self._silence(inside[::-1], silent)
        return (first, last) if first < last else (start, stop)

    def stretches(self, start: int, stop: int, pause: int) -> list[tuple[int, int]]:
        """The parts of these frames between silences that last for `pause` or longer."""
        loud = np.flatnonzero(self._of(start, stop) >= self._bounds(start, stop)[1])
        if not len(loud):
            return [(start, stop)]
        ends = np.flatnonzero(np.diff(loud) > pause)
        firsts = [start, *(start + loud[ends + 1]).tolist()]
        return list(zip(firsts, [*(start + loud[ends] + 1).tolist(), stop], strict=True))

    def _bounds(self, start: int, stop: int) -> tuple[float, float]:
        """The levels above which speech in these frames goes on, and is no silence."""
        loud = float(np.percentile(self._of(start, stop), 75))
        noise = float(np.percentile(self._of(max(stop - self._floor, 0), stop), 5))
        given = self._settings
        return max(loud - given.quieter_db, noise + 6), max(loud - given.silent_db, noise + 3)

    def _moved(self, edge: int, way: int, above: float, is_heard: IsHeard) -> int:
        for moved in range(self._reach):
            frame = edge + way * moved - (way < 0)
            level = self._of(frame, frame + 1)
            if is_heard(frame) or not len(level) or level[0] <= above:
                return edge + way * moved
        return edge + way * self._reach

    def _silence(self, levels: Floats, below: float) -> int:
        """How many of the first frames are silent, at most `silent_seconds`."""
        loud = np.flatnonzero(levels[: self._excess] >= below)
        return int(loud[0]) if len(loud) else min(self._excess, len(levels))

    def _of(self, start: int, stop: int) -> Floats:
        return self._levels[max(start - self._first, 0) : max(stop - self._first, 0)]
