"""``TurnMaker``: from who speaks in each frame to turns, in the order of their starts."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pgvoice.hooks.segmenters.pyannote3.geometry import frames
from pgvoice.hooks.segmenters.pyannote3.levels import Levels
from pgvoice.hooks.segmenters.pyannote3.settings import Settings
from pgvoice.hooks.segmenters.pyannote3.speech import Activity, runs


class Span(NamedTuple):
    """Frames in which somebody speaks on: ordered by start."""

    start: int
    stop: int
    #: Of this stretch of speech, which may be cut into several spans; from 0.
    number: int


@dataclass(slots=True)
class _Open:
    start: int
    stop: int
    number: int
    #: Whether its start is where a longer turn was cut.
    is_cut: bool = False


class TurnMaker:
    """Takes frames in order; memory holds the open turns and the frames of two minutes.

    A track is one person's for a few seconds only: if more than three people speak within a
    window, two of them share a speaker of it. A stretch of a track without a pause hardly ever has
    two, so each stretch is numbered for itself.
    """

    def __init__(self, first_frame: int, settings: Settings, levels: Levels) -> None:
        self._levels = levels
        self._reach = frames(settings.quieter_seconds)
        self._pause = frames(settings.pause_seconds)
        self._shortest = frames(settings.shortest_seconds)
        self._longest = frames(settings.longest_seconds)
        self._position = first_frame
        self._open: dict[int, _Open] = {}
        self._closed: list[Span] = []
        self._number = 0
        #: Of the last frames: the probability of speech, and whether anybody speaks.
        self._speech = np.empty(0, np.float32)
        self._is_heard = np.empty(0, np.bool_)
        self._kept_from = first_frame

    def push(self, activity: Activity) -> Iterator[Span]:
        """The spans that are complete, and before which none can start any more."""
        self._remember(activity)
        heard = [
            (start, stop, track)
            for column, track in enumerate(activity.tracks)
            for start, stop in runs(activity.speaking[:, column])
        ]
        for start, stop, track in sorted(heard):
            self._hear(track, self._position + start, self._position + stop)
        self._position += len(activity.speech)
        for track, turn in list(self._open.items()):
            if self._position - turn.stop >= self._pause + 2 * self._reach:
                self._close(track)
        self._levels.forget(self._position)
        starts = (turn.start for turn in self._open.values())
        return self._ready(min(starts, default=self._position) - self._reach)

    def end(self) -> Iterator[Span]:
        for track in list(self._open):
            self._close(track)
        return self._ready(self._position)

    def _remember(self, activity: Activity) -> None:
        kept = slice(-2 * self._longest, None)
        self._speech = np.concatenate([self._speech[kept], activity.speech])
        self._is_heard = np.concatenate([self._is_heard[kept], activity.speaking.any(axis=1)])
        self._kept_from = self._position + len(activity.speech) - len(self._speech)

    def _hear(self, track: int, start: int, stop: int) -> None:
        turn = self._open.get(track)
        is_pause = turn is not None and self._is_pause(turn, start, stop)
        if turn is not None and start > turn.stop:
            turn.stop = start if is_pause else turn.stop
            self._close(track, is_cut=is_pause)
            turn = None
        if turn is None:
            turn = self._open[track] = _Open(start, stop, self._number, is_cut=is_pause)
            self._number += 1
        turn.stop = stop
        while turn.stop - turn.start > self._longest:
            cut = self._quietest(turn.start + self._longest // 2, turn.start + self._longest)
            self._add(turn, cut, is_cut=True)
            turn.start, turn.is_cut = cut, True

    def _is_pause(self, turn: _Open, start: int, stop: int) -> bool:
        """Whether a turn goes on in these frames: the pause is short, and nobody speaks in it."""
        first, pause = self._kept_from, start - turn.stop
        if pause == 0:
            return True
        if pause >= self._pause + 2 * self._reach:
            return False
        if self._is_heard[turn.stop - first : start - first].any():
            return False
        if pause >= self._pause:
            _, before = self._levels.extended(turn.start, turn.stop, self._hears)
            after, _ = self._levels.extended(start, stop, self._hears)
            pause = after - before
        return pause < self._pause

    def _hears(self, frame: int) -> bool:
        at = frame - self._kept_from
        return not 0 <= at < len(self._is_heard) or bool(self._is_heard[at])

    def _quietest(self, start: int, stop: int) -> int:
        first = self._kept_from
        return start + int(self._speech[start - first : stop - first].argmin())

    def _close(self, track: int, *, is_cut: bool = False) -> None:
        turn = self._open.pop(track)
        self._add(turn, turn.stop, is_cut=is_cut)

    def _add(self, turn: _Open, stop: int, *, is_cut: bool) -> None:
        """Keep a turn until `stop`; ends at which it was cut stay where they are.

        It falls into several where the network heard speech in a silence, as somebody else may
        speak after it.
        """
        number = turn.number
        for start, end in self._levels.stretches(turn.start, stop, self._pause):
            first, last = self._levels.extended(start, end, self._hears)
            first = start if turn.is_cut and start == turn.start else first
            last = end if is_cut and end == stop else last
            if start != turn.start:
                number, self._number = self._number, self._number + 1
            if last - first >= max(self._shortest, 1):
                heapq.heappush(self._closed, Span(first, last, number))
        turn.number = number

    def _ready(self, before: int) -> Iterator[Span]:
        while self._closed and self._closed[0].start <= before:
            yield heapq.heappop(self._closed)
