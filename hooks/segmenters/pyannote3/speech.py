"""``SpeechGate``: which frames are speech, and who of the tracks speaks in them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pgvoice.hooks.segmenters.pyannote3.geometry import frames
from pgvoice.hooks.segmenters.pyannote3.settings import Settings
from pgvoice.hooks.segmenters.pyannote3.stitching import Floats, Frames


class Activity(NamedTuple):
    """Consecutive frames with who speaks in them."""

    #: Probability of speech: ``(frames,)``.
    speech: Floats
    #: ``(frames, tracks)``.
    speaking: NDArray[np.bool_]
    tracks: tuple[int, ...]


class SpeechGate:
    """Takes frames in order and returns them, delayed while it is uncertain if they are speech."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._waiting: list[Frames] = []
        #: Whether the last frame that was returned belongs to speech that is certain.
        self._is_speech = False

    def push(self, given: Frames) -> list[Activity]:
        self._waiting.append(given)
        speech = np.concatenate([each.speech for each in self._waiting])
        above = speech > self._settings.offset
        return self._decided(speech, above) if self._is_certain(speech, above) else []

    def _is_certain(self, speech: Floats, above: NDArray[np.bool_]) -> bool:
        """Whether no later frame changes what the last ones are."""
        quiet = np.flatnonzero(~above)
        tail = speech[int(quiet[-1]) + 1 :] if len(quiet) else speech
        if len(tail) == 0 or (self._is_speech and not len(quiet)):
            return True
        is_heard = bool(tail.max() > self._settings.onset)
        return is_heard or len(tail) >= frames(self._settings.patience_seconds)

    def end(self) -> list[Activity]:
        """Those that still wait."""
        if not self._waiting:
            return []
        speech = np.concatenate([each.speech for each in self._waiting])
        return self._decided(speech, speech > self._settings.offset)

    def _decided(self, speech: Floats, above: NDArray[np.bool_]) -> list[Activity]:
        is_speech = above.copy()
        for start, stop in runs(above):
            goes_on = start == 0 and self._is_speech
            is_speech[start:stop] = goes_on or speech[start:stop].max() > self._settings.onset
        self._is_speech = bool(is_speech[-1])
        waiting, self._waiting = self._waiting, []
        stops = np.cumsum([len(each.speech) for each in waiting])
        parts = np.split(is_speech, stops[:-1])
        return [
            _activity(each, part, self._settings) for each, part in zip(waiting, parts, strict=True)
        ]


def _activity(given: Frames, is_speech: NDArray[np.bool_], settings: Settings) -> Activity:
    speaking = np.zeros(given.activity.shape, np.bool_)
    order = np.argsort(-given.activity, axis=1, kind="stable")
    if len(given.tracks):
        at = np.flatnonzero(is_speech)
        speaking[at, order[at, 0]] = True
    if len(given.tracks) > 1:
        at = np.flatnonzero(is_speech & (given.overlap > settings.overlap))
        speaking[at, order[at, 1]] = given.activity[at, order[at, 1]] > settings.second
    return Activity(given.speech, speaking, given.tracks)


def runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Start and stop of each stretch of true values."""
    changes = np.flatnonzero(np.diff(np.r_[False, flags, False].astype(np.int8))).tolist()
    return list(zip(changes[::2], changes[1::2], strict=True))
