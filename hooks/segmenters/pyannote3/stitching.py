"""``Stitcher``: the speakers of overlapping windows, each window's own, joined to tracks.

A track is somebody who speaks on: consecutive windows share most of their frames, and speakers
that are active in the same frames are the same.
"""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pgvoice.hooks.segmenters.pyannote3.geometry import POWERSET, SPEAKERS, WINDOW_FRAMES, frames
from pgvoice.hooks.segmenters.pyannote3.settings import Settings

Floats = NDArray[np.float32]

#: Row: a class; column: 1 if this speaker of the window belongs to it.
MEMBERS = np.array([[who in each for who in range(SPEAKERS)] for each in POWERSET], np.float32)
#: 1 for classes of two speakers.
PAIRS = np.array([len(each) > 1 for each in POWERSET], np.float32)


class Frames(NamedTuple):
    """Consecutive frames that no later window changes."""

    #: Probability that anybody speaks, and that two people do: ``(frames,)``.
    speech: Floats
    overlap: Floats
    #: Of each track: ``(frames, tracks)``.
    activity: Floats
    #: Numbers of the tracks, from 0 in order of appearance.
    tracks: tuple[int, ...]


class Stitcher:
    """Takes windows in order, `Settings.step_frames` apart, and returns means over them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._windows = np.zeros(WINDOW_FRAMES, np.float32)
        self._sums = np.zeros((WINDOW_FRAMES, 2), np.float32)
        self._activity = np.zeros((WINDOW_FRAMES, 0), np.float32)
        self._tracks: list[int] = []
        self._appeared = 0

    def push(self, probabilities: Floats) -> Frames:
        """Add a window ``(frames, classes)``; the frames before it, which are final.

        They are without speech before the first window.
        """
        final = self._shift(self._settings.step_frames)
        speakers = probabilities @ MEMBERS
        places = self._places(speakers)
        self._windows += 1
        self._sums[:, 0] += 1 - probabilities[:, 0]
        self._sums[:, 1] += probabilities @ PAIRS
        for speaker, place in enumerate(places):
            if place is not None:
                self._activity[:, place] += speakers[:, speaker]
        return final

    def end(self) -> Frames:
        """The frames of the last window."""
        return self._shift(WINDOW_FRAMES)

    def _shift(self, count: int) -> Frames:
        windows: Floats = np.maximum(self._windows[:count], np.float32(1))[:, None]
        means, activity = self._sums[:count] / windows, self._activity[:count] / windows
        final = Frames(means[:, 0], means[:, 1], activity, tuple(self._tracks))
        self._windows = _shifted(self._windows, count)
        self._sums = _shifted(self._sums, count)
        self._activity = _shifted(self._activity, count)
        live = np.flatnonzero(self._activity.max(axis=0, initial=0) > 0)
        self._activity = self._activity[:, live]
        self._tracks = [self._tracks[column] for column in live]
        return final

    def _places(self, speakers: Floats) -> list[int | None]:
        """The column of each speaker's track; new ones are added, None is nobody."""
        known = self._windows > 0
        now, before = speakers[known], self._activity[known] / self._windows[known, None]
        matched = _matched(now, before, self._settings)
        heard = speakers.max(axis=0) > self._settings.heard
        return [
            self._new_track() if place is None and is_heard else place
            for place, is_heard in zip(matched, heard.tolist(), strict=True)
        ]

    def _new_track(self) -> int:
        self._tracks.append(self._appeared)
        self._appeared += 1
        self._activity = np.pad(self._activity, ((0, 0), (0, 1)))
        return len(self._tracks) - 1


def _shifted(rows: Floats, count: int) -> Floats:
    shifted = np.zeros_like(rows)
    shifted[: len(rows) - count] = rows[count:]
    return shifted


def _matched(now: Floats, before: Floats, settings: Settings) -> list[int | None]:
    """For each speaker the track that it goes on with, so that they are together most."""
    together = now.T @ before
    shorter = np.minimum(now.sum(axis=0)[:, None], before.sum(axis=0))
    allowed = together >= np.maximum(
        frames(settings.together_seconds), settings.together_share * shorter
    )
    choices = [[None, *np.flatnonzero(row).tolist()] for row in allowed]
    best: tuple[float, tuple[int | None, ...]] = (-1.0, (None,) * len(choices))
    for places in product(*choices):
        chosen = [(who, place) for who, place in enumerate(places) if place is not None]
        if len({place for _, place in chosen}) == len(chosen):
            total = float(sum(together[who, place] for who, place in chosen))
            best = max(best, (total, places), key=lambda each: each[0])
    return list(best[1])
