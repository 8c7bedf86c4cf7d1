"""Who says a word: the speaker of the segments that it overlaps most with."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple

from pgvoice.hooks.formats.json.json_labels import set_speaker
from pgvoice.hooks.formats.writable_names import speaker_of

if TYPE_CHECKING:
    from pgvoice.hooks.answers import Labelled


class _Turn(NamedTuple):
    start: float
    end: float
    place: int


class WordSpeakers:
    """The labelled segments of a document, asked about its words."""

    def __init__(self, labelled: Sequence[Labelled]) -> None:
        self._labelled = labelled
        spans = [(each.segment.start, each.segment.end) for each in labelled]
        turns = [_Turn(start, end, place) for place, (start, end) in enumerate(spans)]
        self._turns = sorted(turn for turn in turns if turn.start < turn.end)
        # The latest end so far: where a walk back through the turns can stop.
        self._ends = list(accumulate((turn.end for turn in self._turns), max))

    def name_words(self, words: Any, own: Labelled | None) -> None:
        """Give each word its speaker; `own` is the segment they stand in, if in any.

        A word without times, or one that overlaps nothing, has the speaker of its own segment.
        What is no list of objects stays as it is.
        """
        for word in words if isinstance(words, list) else []:
            if not isinstance(word, dict):
                continue
            most = self.most(word.get("start"), word.get("end"), own) or own
            if most is not None:
                set_speaker(word, most)

    def most(self, start: Any, end: Any, own: Labelled | None = None) -> Labelled | None:
        """A segment of the speaker whose segments share most with a time; None where none does."""
        if not (_is_time(start) and _is_time(end)):
            return None
        shared: dict[str | None, float] = defaultdict(float)
        of: dict[str | None, Labelled] = {}
        for turn in self._overlapping(start, end):
            labelled = self._labelled[turn.place]
            speaker = speaker_of(labelled)
            shared[speaker] += min(end, turn.end) - max(start, turn.start)
            of[speaker] = labelled
        if not shared:
            return None
        # Of equals, the segment that the word stands in.
        first = speaker_of(own) if own else None
        return of[max(shared, key=lambda speaker: (shared[speaker], speaker == first))]

    def _overlapping(self, start: float, end: float) -> Iterator[_Turn]:
        """The turns that share time with it, the latest first."""
        place = bisect_left(self._turns, end, key=lambda turn: turn.start) - 1
        while place >= 0 and self._ends[place] > start:
            if self._turns[place].end > start:
                yield self._turns[place]
            place -= 1


def _is_time(found: Any) -> bool:
    if isinstance(found, bool) or not isinstance(found, int | float):
        return False
    return abs(found) < math.inf
