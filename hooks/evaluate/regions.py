"""Regions of recordings that are scored, from a UEM file; what lies outside is skipped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from pgvoice.hooks.errors import NotEvaluable
from pgvoice.hooks.formats.nist.uem import Region, read_uem
from pgvoice.store.turns import Turn
from pgvoice.store.voice_store import VoiceStore

#: How many recordings a message names.
_NAMED = 5


class Span(Protocol):
    """Anything with a start and an end in seconds."""

    @property
    def start(self) -> float: ...
    @property
    def end(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Scored:
    """The turns of the recordings that a UEM file names, whole, and the regions by video."""

    turns: dict[str, list[Turn]]
    regions: dict[str, list[Region]]
    #: One sentence if recordings were left out, because the file has no regions of them.
    left_out: tuple[str, ...]

    def cropped(self) -> dict[str, list[Turn]]:
        """The parts of the turns that lie in regions."""
        return {
            video: [part for turn in turns for part in _parts(turn, self.regions[video])]
            for video, turns in self.turns.items()
        }


def only_scored(store: VoiceStore, turns: Mapping[str, Sequence[Turn]], path: str) -> Scored:
    """The recordings that have regions in a UEM file; its ids may have underscores for blanks.

    Raises `FormatError`, and `NotEvaluable` if the file has regions of none of them.
    """
    found = read_uem(path)
    videos = {video: name for name, video in store.recordings.stored(found).items()}
    regions = {video: found[name] for video, name in videos.items() if video in turns}
    without = [video for video in turns if video not in regions]
    named = ", ".join(map(repr, without[:_NAMED])) + (", ..." if without[_NAMED:] else "")
    if not regions:
        there = ", ".join(map(repr, list(found)[:_NAMED])) or "none"
        raise NotEvaluable(f"{path} has no regions of {named}: it names {there}")
    left_out = (f"{path} has no regions of {named}: left out",) if without else ()
    return Scored({video: list(turns[video]) for video in regions}, regions, left_out)


def touches(span: Span, regions: Iterable[Region]) -> bool:
    """Whether some of a span lies in a region."""
    return any(span.start < end and start < span.end for start, end in regions)


def counts(span: Span, regions: Iterable[Region]) -> bool:
    """Whether a span counts as a whole: its middle lies in a region."""
    middle = (span.start + span.end) / 2
    return any(start <= middle < end for start, end in regions)


def _parts(turn: Turn, regions: Sequence[Region]) -> list[Turn]:
    return [
        replace(turn, start=max(turn.start, start), end=min(turn.end, end))
        for start, end in regions
        if touches(turn, [(start, end)])
    ]
