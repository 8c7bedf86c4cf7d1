"""A segmenter that finds speech between silences, and counts how often it is asked."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pgvoice.hooks.segmenters.segmenter import SegmenterAudio, SegmenterIdentity
from pgvoice.store.turns import Turn

STEP_MS = 100
RATE = 8000


class SilenceSegmenter:
    """A turn for each stretch of sound, with a label of its own; cheap and deterministic."""

    device = "cpu"
    labels_are_people = False

    def __init__(self, name: str = "silence") -> None:
        self.identity = SegmenterIdentity(name, "1")
        #: The files that were segmented.
        self.heard: list[str] = []

    def load(self) -> None:
        pass

    def turns(self, audio: SegmenterAudio) -> Iterator[Turn]:
        self.heard.append(str(audio.path))
        began, place = None, 0
        for start_ms, window in audio.windows(STEP_MS, STEP_MS, RATE):
            loud = bool(np.abs(window).max(initial=0) > 0.01)
            if loud and began is None:
                began = start_ms
            elif not loud and began is not None:
                yield self._turn(place, began, start_ms)
                began, place = None, place + 1
        if began is not None:
            yield self._turn(place, began, audio.info.duration_ms)

    @staticmethod
    def _turn(place: int, start_ms: int, end_ms: int) -> Turn:
        return Turn(start_ms / 1000, end_ms / 1000, f"track {place}")
