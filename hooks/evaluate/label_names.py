"""Whom the labels of references stand for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from pgvoice.hooks.errors import NotEvaluable
from pgvoice.store.turns import Turn

#: Stands for every recording.
EVERYWHERE = "*"


class LabelName(NamedTuple):
    """The person whom a label stands for, in a recording; None is the only one that has it."""

    video: str | None
    label: str
    name: str

    def applies(self, video: str) -> bool:
        """Whether it is about this recording."""
        return self.video in (None, EVERYWHERE, video)


def named_turns(
    turns: Mapping[str, Sequence[Turn]], names: Iterable[LabelName]
) -> dict[str, list[Turn]]:
    """The turns by video, with these names in the place of labels.

    One label in two recordings is two people unless a name says otherwise. Raises `NotEvaluable`
    for a label that is in no recording, or in several although one is meant.
    """
    given = list(names)
    for one in given:
        _check(one, [video for video, listed in turns.items() if _has(listed, one.label)])
    # A name for one recording comes before a name for all.
    given.sort(key=lambda one: one.video not in (None, EVERYWHERE))
    found = {}
    for video, listed in turns.items():
        known = {one.label: one.name for one in given if one.applies(video)}
        found[video] = [replace(turn, label=_named(turn, known)) for turn in listed]
    return found


def _named(turn: Turn, known: Mapping[str, str]) -> str | None:
    return None if turn.label is None else known.get(turn.label, turn.label)


def _has(turns: Sequence[Turn], label: str) -> bool:
    return any(turn.label == label for turn in turns)


def _check(one: LabelName, videos: Sequence[str]) -> None:
    if not videos or (one.video not in (None, EVERYWHERE) and one.video not in videos):
        where = f"the reference of {one.video!r}" if one.video else "any reference"
        raise NotEvaluable(f"there is no label {one.label!r} in {where}: check --name")
    if one.video is None and len(videos) > 1:
        raise NotEvaluable(
            f"{one.label!r} is a label in {videos[0]!r} and {videos[1]!r}, where it may be two"
            f" people: name it for each (--name '{videos[0]}:{one.label}={one.name}'), or for all"
            f" (--name '{EVERYWHERE}:{one.label}={one.name}')"
        )
