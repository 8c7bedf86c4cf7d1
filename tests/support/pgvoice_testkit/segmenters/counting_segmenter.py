"""The other fake: a segmenter that counts its calls and hears who speaks by the pitch."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush

import numpy as np

from pgvoice.hooks.encoders.encoder import Waveform
from pgvoice.hooks.segmenters.segmenter import SegmenterAudio, SegmenterIdentity
from pgvoice.store.turns import Turn

RATE = 16_000
#: Samples in which a pitch is heard or not: a tenth of a second.
FRAME = 1600
#: Hz; none is a multiple of another, and all fit into a frame.
PITCHES = (110, 170, 310)
#: Frames after which a turn ends, and another begins.
LONGEST = 600
#: Of a voice of `sounds.voice`, the amplitude at its pitch is 0.1.
LOUD = 0.05


class CountingSegmenter:
    """Turns from a tenth of a second to the next, of several voices at once.

    Its labels are pitches, which are people; or tracks, which end with each turn.
    """

    device = "cpu"

    def __init__(
        self, name: str = "pitches", *, labels_are_people: bool = True, is_late: bool = False
    ) -> None:
        """`is_late` makes it return all turns at the end."""
        self.identity = SegmenterIdentity(name, "fake", "people" if labels_are_people else "tracks")
        self.labels_are_people = labels_are_people
        self.calls = self.loads = self.returned = 0
        self._is_late = is_late

    def load(self) -> None:
        self.loads += 1

    def turns(self, audio: SegmenterAudio) -> Iterator[Turn]:
        self.calls += 1
        found = self._found(audio)
        for turn in list(found) if self._is_late else found:
            self.returned += 1
            yield turn

    def _found(self, audio: SegmenterAudio) -> Iterator[Turn]:
        running, ended, frame = dict[int, int](), list[tuple[int, int, int]](), 0
        for _, window in audio.windows(1000, 1000, RATE):
            for piece in np.split(window, range(FRAME, len(window), FRAME)):
                if len(piece) < FRAME:
                    break
                for pitch in PITCHES:
                    speaks, since = amplitude(piece, pitch) > LOUD, running.get(pitch, frame)
                    if pitch in running and (not speaks or frame - since >= LONGEST):
                        heappush(ended, (running.pop(pitch), frame, pitch))
                    if speaks:
                        running.setdefault(pitch, frame)
                frame += 1
            yield from self._in_order(ended, min(running.values(), default=frame))
        for pitch, since in running.items():
            heappush(ended, (since, frame, pitch))
        yield from self._in_order(ended, frame)

    def _in_order(self, ended: list[tuple[int, int, int]], before: int) -> Iterator[Turn]:
        """Those that no running turn has to precede."""
        while ended and ended[0][0] <= before:
            start, end, pitch = heappop(ended)
            label = str(pitch) if self.labels_are_people else f"{pitch} at {start}"
            yield Turn(start / 10, end / 10, label)


def amplitude(piece: Waveform, pitch: int) -> float:
    """Of a wave at a pitch."""
    wave = np.exp(-2j * np.pi * pitch * np.arange(len(piece)) / RATE)
    return float(2 * np.abs(np.dot(piece, wave)) / len(piece))
