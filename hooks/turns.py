"""``as_turns``: a pipeline's segments, in any common shape, as ``Turn``s."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pgvoice.store.keys import SegmentKey, SnappedSegments, snap_segments
from pgvoice.store.turns import Turn

__all__ = ["Turn", "as_turns"]


def as_turns(given: Iterable[Any]) -> list[Turn]:
    """Segments in order: ``(start, end)``, ``(start, end, label)``, mappings or objects.

    Mappings and objects (pyannote's ``Segment``, faster-whisper's) have ``start`` and ``end``, and
    may have ``speaker`` or ``label``, and ``text``. A pyannote ``Annotation`` gives its tracks, a
    ``DiarizeOutput`` those of its ``speaker_diarization``. An item without times becomes a turn at
    NaN, which is reported as invalid later. Raises `TypeError` for anything but a list.
    """
    if isinstance(given, Mapping) and "segments" in given:
        raise TypeError('segments must be a list: pass the "segments" of this dict')
    if isinstance(given, str | bytes | Mapping):
        raise TypeError(_not_a_list(given))
    given = getattr(given, "speaker_diarization", given)
    tracks = getattr(given, "itertracks", None)
    if tracks is None and not isinstance(given, Iterable):
        raise TypeError(_not_a_list(given))
    every = tracks(yield_label=True) if tracks else given
    return [_segment(each) for each in every]


def snap_turns(turns: Iterable[Turn], grid_ms: int) -> SnappedSegments:
    """The key of each turn; an invalid one does not stop the others."""
    return snap_segments([(turn.start, turn.end) for turn in turns], grid_ms)


def _not_a_list(given: object) -> str:
    hint = "; pgvoice.hooks.read_segments reads a file" if type(given) is str else ""
    return f"segments must be a list with one item each, not {given!r:.60}{hint}"


def _segment(given: Any) -> Turn:
    if isinstance(given, Turn):
        return given
    if isinstance(given, SegmentKey):
        return Turn(given.start_ms / 1000, given.end_ms / 1000)
    if isinstance(given, Mapping):
        return _of(given.get)
    if hasattr(given, "start") and hasattr(given, "end"):
        return _of(lambda key: getattr(given, key, None))
    if isinstance(given, Sequence) and not isinstance(given, str | bytes) and len(given) in (2, 3):
        return _of_sequence(given)
    return Turn(math.nan, math.nan)


def _of(get: Any) -> Turn:
    label = get("speaker") if get("speaker") is not None else get("label")
    return Turn(_seconds(get("start")), _seconds(get("end")), _text(label), _text(get("text")))


def _of_sequence(given: Sequence[Any]) -> Turn:
    first, label = given[0], given[2] if len(given) == 3 else None
    if hasattr(first, "start") and hasattr(first, "end"):
        return Turn(_seconds(first.start), _seconds(first.end), _text(label))
    return Turn(_seconds(first), _seconds(given[1]), _text(label))


def _seconds(given: Any) -> float:
    if isinstance(given, bool | str | bytes):
        return math.nan
    try:
        return float(given)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def _text(given: Any) -> str | None:
    return None if given is None else str(given)
