"""Who speaks in stored segments, according to a reference."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from pgvoice.store.errors import LabelIsNoName
from pgvoice.store.keys import SegmentKey
from pgvoice.store.turns import Turn

#: A person speaks in a segment if their turns cover this share of it, and other people's turns at
#: most the rest.
COVERED = 0.8
#: A diarizer's label for somebody without a name.
_ANONYMOUS = re.compile(r"SPEAKER_\d+")


def spoken(
    keys: Iterable[SegmentKey], turns: Iterable[Turn], enrolled: Iterable[str]
) -> dict[SegmentKey, str]:
    """The speaker of each segment in which exactly one person speaks, with names as in `named`."""
    by_name: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for turn in named(turns, enrolled):
        if turn.label is not None:
            by_name[turn.label].append((turn.start * 1000, turn.end * 1000))
    merged = {name: _merged(spans) for name, spans in by_name.items()}
    found = {key: _speaker(key, merged) for key in keys}
    return {key: name for key, name in found.items() if name is not None}


def named(turns: Iterable[Turn], enrolled: Iterable[str]) -> list[Turn]:
    """The turns, with the names that people are enrolled under.

    A reference may have underscores instead of blanks, as RTTM requires. Raises `LabelIsNoName`
    for a diarizer's label that nobody is enrolled under.
    """
    known = {name.replace(" ", "_"): name for name in enrolled}
    found = [
        replace(turn, label=known.get(turn.label.replace(" ", "_"), turn.label))
        if turn.label is not None
        else turn
        for turn in turns
    ]
    for turn in found:
        anonymous = turn.label is not None and _ANONYMOUS.fullmatch(turn.label)
        if turn.label and anonymous and turn.label not in known.values():
            raise LabelIsNoName(turn.label)
    return found


def _speaker(key: SegmentKey, turns: dict[str, list[tuple[float, float]]]) -> str | None:
    heard = {name: _shared(key, spans) for name, spans in turns.items()}
    if not heard or key.duration_ms <= 0:
        return None
    name = max(heard, key=lambda one: heard[one])
    others = sum(heard.values()) - heard[name]
    covered = COVERED * key.duration_ms
    return name if heard[name] >= covered and others <= key.duration_ms - covered else None


def _shared(key: SegmentKey, spans: Sequence[tuple[float, float]]) -> float:
    return sum(max(0.0, min(key.end_ms, end) - max(key.start_ms, start)) for start, end in spans)


def _merged(spans: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    merged: list[tuple[float, float]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
