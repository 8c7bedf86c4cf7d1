"""``WordSpeakers``: the speaker of a word is the one whose segments it overlaps most."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

from pgvoice.hooks.formats.format import speaker_of
from pgvoice.hooks.formats.json.json_objects import set_speaker
from pgvoice.hooks.results import Labelled


class WordSpeakers:
    """Finds speakers among the labelled segments of a document."""

    def __init__(self, labelled: Sequence[Labelled]) -> None:
        self._labelled = labelled
        spans = [each for each in labelled if each.segment.start < each.segment.end]
        self._sorted = sorted(spans, key=lambda each: (each.segment.start, each.segment.end))
        # The latest end so far: where the search backwards can stop.
        self._ends = list(accumulate((each.segment.end for each in self._sorted), max))

    def name_segments(self, segments: Sequence[dict[str, Any]]) -> None:
        """Set the speakers of the document's own segments, and of their ``words``."""
        for segment, each in zip(segments, self._labelled, strict=True):
            set_speaker(segment, each)
            self.name_words(segment.get("words"), each)

    def name_words(self, words: Any, own: Labelled | None) -> None:
        """Set the speaker of each word; `own` is the segment that contains the words, if any.

        A word without times, or without any overlap, gets the speaker of `own`. Anything other
        than a list of objects stays unchanged.
        """
        for word in words if isinstance(words, list) else []:
            if not isinstance(word, dict):
                continue
            most = self.most(word.get("start"), word.get("end"), own) or own
            if most is not None:
                set_speaker(word, most)

    def most(self, start: Any, end: Any, own: Labelled | None = None) -> Labelled | None:
        """A segment of the speaker whose segments overlap a time span most, or None."""
        if not (_is_time(start) and _is_time(end)):
            return None
        shared: dict[str | None, float] = defaultdict(float)
        of: dict[str | None, Labelled] = {}
        for each in self._overlapping(start, end):
            speaker = speaker_of(each)
            shared[speaker] += min(end, each.segment.end) - max(start, each.segment.start)
            of[speaker] = each
        if not shared:
            return None
        # If two speakers share the same time, the segment that contains the word decides.
        first = speaker_of(own) if own else None
        return of[max(shared, key=lambda speaker: (shared[speaker], speaker == first))]

    def _overlapping(self, start: float, end: float) -> Iterator[Labelled]:
        """The segments that overlap a time span, the latest first."""
        place = bisect_left(self._sorted, end, key=lambda each: each.segment.start) - 1
        while place >= 0 and self._ends[place] > start:
            if self._sorted[place].segment.end > start:
                yield self._sorted[place]
            place -= 1


def _is_time(found: Any) -> bool:
    if isinstance(found, bool) or not isinstance(found, int | float):
        return False
    return abs(found) < math.inf
