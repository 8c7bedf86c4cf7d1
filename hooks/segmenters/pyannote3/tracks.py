"""``TurnMaker``: from who speaks in each frame to turns, in the order of their starts."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pgvoice.hooks.segmenters.pyannote3.geometry import frames
from pgvoice.hooks.segmenters.pyannote3.settings import Settings
from pgvoice.hooks.segmenters.pyannote3.speech import Activity, runs


class Span(NamedTuple):
    """Frames of one track: ordered by start."""

    start: int
    stop: int
    track: int


@dataclass(slots=True)
class _Open:
    start: int
    stop: int


class TurnMaker:
    """Takes frames in order; memory holds the open turns and a minute of probabilities."""

    def __init__(self, first_frame: int, settings: Settings) -> None:
        self._pause = frames(settings.pause_seconds)
        self._shortest = frames(settings.shortest_seconds)
        self._longest = frames(settings.longest_seconds)
        self._position = first_frame
        self._open: dict[int, _Open] = {}
        self._closed: list[Span] = []
        self._speech, self._speech_start = np.empty(0, np.float32), first_frame

    def push(self, activity: Activity) -> Iterator[Span]:
        """The spans that are complete, and before which none can start any more."""
        self._remember(activity)
        for column, track in enumerate(activity.tracks):
            for start, stop in runs(activity.speaking[:, column]):
                self._hear(track, self._position + start, self._position + stop)
        self._position += len(activity.speech)
        for track, turn in list(self._open.items()):
            if self._position - turn.stop > self._pause:
                self._close(track)
        return self._ready(
            min((turn.start for turn in self._open.values()), default=self._position)
        )

    def end(self) -> Iterator[Span]:
        for track in list(self._open):
            self._close(track)
        return self._ready(self._position)

    def _remember(self, activity: Activity) -> None:
        self._speech = np.concatenate([self._speech[-2 * self._longest :], activity.speech])
        self._speech_start = self._position + len(activity.speech) - len(self._speech)

    def _hear(self, track: int, start: int, stop: int) -> None:
        turn = self._open.get(track)
        if turn is not None and start - turn.stop > self._pause:
            self._close(track)
            turn = None
        if turn is None:
            turn = self._open[track] = _Open(start, stop)
        turn.stop = stop
        while turn.stop - turn.start > self._longest:
            cut = self._quietest(turn.start + self._longest // 2, turn.start + self._longest)
            heapq.heappush(self._closed, Span(turn.start, cut, track))
            turn.start = cut

    def _quietest(self, start: int, stop: int) -> int:
        first = self._speech_start
        return start + int(self._speech[start - first : stop - first].argmin())

    def _close(self, track: int) -> None:
        turn = self._open.pop(track)
        if turn.stop - turn.start >= self._shortest:
            heapq.heappush(self._closed, Span(turn.start, turn.stop, track))

    def _ready(self, before: int) -> Iterator[Span]:
        while self._closed and self._closed[0].start <= before:
            yield heapq.heappop(self._closed)
