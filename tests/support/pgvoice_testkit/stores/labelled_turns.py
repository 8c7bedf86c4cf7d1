"""Labelled segments, as a pipeline has them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from pgvoice.hooks.results import Labelled
from pgvoice.store.answers.identify import Identification
from pgvoice.store.turns import Turn


def named(segment: Turn, speaker: str | None) -> Labelled:
    """A segment with a matched speaker, or with None for one below the threshold."""
    reason = "below_threshold" if speaker is None else "matched"
    start, end = (_ms(time) for time in (segment.start, segment.end))
    answer = Identification(start, end, speaker, speaker, 0.9, None, None, None, reason)
    return Labelled(segment, answer)


def _ms(seconds: float) -> int:
    """Whole milliseconds; 0 for what is not a time, which readers let through."""
    return round(seconds * 1000) if math.isfinite(seconds * 1000) else 0


def labels(segments: Iterable[Turn], *speakers: str | None) -> list[Labelled]:
    """The segments with these names, one for each."""
    return [named(each, speaker) for each, speaker in zip(segments, speakers, strict=True)]


def unasked(segments: Sequence[Turn]) -> list[Labelled]:
    """The segments without an answer."""
    return [Labelled(segment, None) for segment in segments]
