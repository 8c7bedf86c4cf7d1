"""The diarizer's labels of a reference's turns, as the stored turns have them."""

from __future__ import annotations

from collections.abc import Sequence

from pgvoice.hooks.errors import NotEvaluable
from pgvoice.store.keys import snap_segment
from pgvoice.store.turns import Turn
from pgvoice.store.voice_store import VoiceStore


def stored_labels(store: VoiceStore, video: str, turns: Sequence[Turn]) -> list[str | None]:
    """The label of the stored turn that each of these is most alike; None if it shares no time.

    Raises `NotEvaluable` if the video has no stored turns with labels.
    """
    stored = stored_turns(store, video)
    nearest = [max(stored, key=lambda one: _shared(one, turn)) for turn in turns]
    return [
        one.label if _shared(one, turn) > 0 else None
        for one, turn in zip(nearest, turns, strict=True)
    ]


def stored_turns(store: VoiceStore, video: str) -> list[Turn]:
    """The stored turns by time, of each segment the first. Raises `NotEvaluable`."""
    stored = store.recordings.turns(video) or []
    if not any(turn.label for turn in stored):
        raise NotEvaluable(
            f"{video} has no stored turns with a diarizer's labels: fill it with a file that has"
            " them, or leave out --clusters"
        )
    once = {snap_segment((turn.start, turn.end), store.grid_ms): turn for turn in reversed(stored)}
    return [once[key] for key in sorted(once)]


def _shared(one: Turn, other: Turn) -> float:
    """The time that two turns share, as a part of the time that they take together."""
    shared = min(one.end, other.end) - max(one.start, other.start)
    whole = max(one.end, other.end) - min(one.start, other.start)
    return shared / whole if whole > 0 else 1.0
