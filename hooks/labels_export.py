"""``stored_labels``: a recording's stored turns with their labels, for any format."""

from __future__ import annotations

import shlex

from pgvoice.hooks.errors import NotLabelled
from pgvoice.hooks.results import Labelled
from pgvoice.hooks.turns import snap_turns
from pgvoice.store.answers.identify import Identification
from pgvoice.store.labels.current import Label
from pgvoice.store.recordings.encoders import WhichEncoder
from pgvoice.store.turns import Turn
from pgvoice.store.voice_store import VoiceStore


def stored_labels(store: VoiceStore, video: str, *, encoder: WhichEncoder = None) -> list[Labelled]:
    """The stored turns with the names of their current labels, for `write_labels`.

    Turns that have no current label keep the diarizer's; without stored turns, each label is a
    turn. Raises `UnknownVideo`, `UnknownEncoder`, and `NotLabelled` without any label.
    """
    which = store.encoders.find(encoder).identity
    labels = {label.key: label for label in store.labels.current(video, encoder=which)}
    if not labels:
        raise NotLabelled(
            f"{video} has no labels: `pgvoice label {shlex.quote(video)}` stores them"
        )
    turns = store.recordings.turns(video)
    if turns is None:
        turns = [Turn(label.start, label.end) for label in labels.values()]
    keys = snap_turns(turns, store.grid_ms).keys
    return [
        Labelled(turn, stored_answer(labels[key]) if key in labels else None)
        for key, turn in zip(keys, turns, strict=True)
    ]


def stored_answer(label: Label) -> Identification:
    """A label as the answer that it was."""
    return Identification(
        label.start_ms,
        label.end_ms,
        label.speaker,
        label.speaker,
        label.similarity,
        label.runner_up,
        None,
        label.margin,
        label.reason,
    )
