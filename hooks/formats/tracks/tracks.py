"""Tracks without overlaps, one or several for each speaker, as tiers of annotations need them."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Generic, NamedTuple, TypeVar

from pgvoice.hooks.errors import FormatError
from pgvoice.hooks.formats.documents import unexpected
from pgvoice.hooks.formats.format import check_name, check_span, refused, speaker_of
from pgvoice.hooks.results import Labelled
from pgvoice.store.turns import Turn

Content = TypeVar("Content")
#: The name of a track whose speaker has none, as in RTTM.
NOBODY = "<NA>"


#: A speaker's name, and what else keeps tracks apart.
Key = tuple[str | None, int]


class Piece(NamedTuple, Generic[Content]):
    """Something that somebody says; `start` and `end` may be in any unit."""

    track: Key
    start: float
    end: float
    content: Content


class Track(NamedTuple, Generic[Content]):
    """Pieces in order of time, none of which overlaps another."""

    of: Key
    pieces: list[Piece[Content]]


def without_overlaps(pieces: Iterable[Piece[Content]]) -> list[Track[Content]]:
    """As few tracks as possible, in the order in which they begin."""
    tracks: list[Track[Content]] = []
    free: dict[Key, list[tuple[float, int]]] = {}
    for piece in sorted(pieces, key=lambda piece: (piece.start, piece.end)):
        ends = free.setdefault(piece.track, [])
        if ends and ends[0][0] <= piece.start:
            _, place = heapq.heappop(ends)
        else:
            place = len(tracks)
            tracks.append(Track(piece.track, []))
        tracks[place].pieces.append(piece)
        heapq.heappush(ends, (piece.end, place))
    return tracks


def label_of(track: str) -> str | None:
    """The label of a track's turns."""
    name = track.strip()
    return None if name in ("", NOBODY) else name


def check_new(index: int, labelled: Labelled, decimals: int) -> tuple[float, float]:
    """Start and end of a turn, rounded; raises `FormatError` if nothing is left of it."""
    segment = labelled.segment
    check_span(index, segment)
    start, end = round(segment.start, decimals), round(segment.end, decimals)
    if start == end:
        found = (segment.start, segment.end)
        raise unexpected(f"segment {index}", found, "an end after the start")
    return start, end


def track_names(labelled: Sequence[Labelled], format_name: str, *, new: bool) -> list[str | None]:
    """The name of each turn's track; labels that are kept from the source are not checked."""
    names = []
    for index, each in enumerate(labelled):
        name = speaker_of(each) if new else each.speaker
        if name is not None:
            check_name(index, name, format_name)
            if label_of(name) is None:
                raise refused(index, name, format_name, "it stands for nobody")
        names.append(name if name is not None else each.segment.label)
    return names


def check_tracks(
    labelled: Sequence[Labelled],
    names: Sequence[str | None],
    read: Sequence[Turn],
    format_name: str,
) -> None:
    """Raise `FormatError` unless a written document has these turns, in any order."""
    found = Counter(_key(turn, turn.label) for turn in read)
    for index, (each, name) in enumerate(zip(labelled, names, strict=True)):
        key = _key(each.segment, name)
        if not found[key]:
            raise refused(index, name or NOBODY, format_name, "it would be read as another")
        found[key] -= 1
    if found.total():
        raise FormatError(f"as {format_name} there would be other segments: write JSON")


def _key(turn: Turn, name: str | None) -> tuple[float, float, str]:
    return round(turn.start, 3), round(turn.end, 3), " ".join((name or "").split())
