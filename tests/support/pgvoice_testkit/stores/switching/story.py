"""A switch of encoders from beginning to end, with a look at everything after each step."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import NamedTuple

from pgvoice.hooks.switch.report import SwitchReport
from pgvoice.hooks.switch.switch import switch_encoder
from pgvoice.store import SegmentKey, VoiceStore
from pgvoice.store.recordings.encoders import WhichEncoder
from pgvoice_testkit.encoders.tone_encoder import ToneEncoder
from pgvoice_testkit.stores.switching import belongings
from pgvoice_testkit.stores.switching.answers import answers, default_answers
from pgvoice_testkit.stores.switching.belongings import Rows
from pgvoice_testkit.stores.switching.library import OLD, Library

#: The encoders to switch to: of another dimension, and of the same one in another space. Both are
#: less sure than the first, so that some labels change.
NEW, TWIN = "second", "twin"


class Name(NamedTuple):
    """Who a segment is said to be, and why."""

    speaker: str | None
    reason: str


#: By recording and segment.
Names = Mapping[tuple[str, SegmentKey], Name]


@dataclass(frozen=True, slots=True)
class Look:
    """Everything about a store at one time."""

    #: What belongs to people; and what is computed with the encoder that the library began with.
    of_people: Rows
    of_old: Rows
    #: What the default encoder answers, and what each encoder does that is named.
    default: dict[str, list[str]]
    named: dict[str, dict[str, list[str]]]
    #: The labels that are shown if no encoder is named.
    names: Names
    trail: list[str]
    problems: list[str]
    different_twins: list[tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class Story:
    """A library before a switch, before the flip, after it, and after the way back."""

    library: Library
    looks: dict[str, Look]
    reports: dict[str, SwitchReport]
    #: How many waveforms each step gave to an encoder.
    encoded: dict[str, int]


def new_encoder(name: str) -> ToneEncoder:
    """One of the encoders of the library."""
    if name == OLD:
        return ToneEncoder(OLD)
    return ToneEncoder(name, dimension=64 if name == TWIN else 48, unsure=1.5)


def tell(store: VoiceStore, library: Library, name: str = NEW, *, every: int = 1) -> Story:
    """Switch to the encoder of this name and back, and look at everything in between.

    `every` is that of `answers`. With more than one, it does not switch once more to and fro. From
    the second step on, no file is there.
    """
    looks, reports, encoded = dict[str, Look](), dict[str, SwitchReport](), dict[str, int]()
    steps = {"prepared": (name, False), "flipped": (name, True), "back": (OLD, True)}
    if every == 1:
        steps |= {"forward": (name, True), "forward again": (name, True), "back again": (OLD, True)}
    looks["before"] = look(store, library, every)
    for step, (goal, flip) in steps.items():
        encoder = new_encoder(goal)
        with files_elsewhere(library) if looks.keys() - {"before"} else nullcontext():
            reports[step] = switch_encoder(store, encoder, flip=flip)
        encoded[step], looks[step] = sum(encoder.calls), look(store, library, every)
    return Story(library, looks, reports, encoded)


@contextmanager
def files_elsewhere(library: Library) -> Iterator[None]:
    """Nobody finds the files of a library meanwhile."""
    moved = library.folder.rename(library.folder.with_name("elsewhere"))
    try:
        yield
    finally:
        moved.rename(library.folder)


def look(store: VoiceStore, library: Library, every: int = 1) -> Look:
    """Look at everything."""
    encoders = [each.identity for each in store.encoders.list()]
    old = next((each for each in encoders if each.name == OLD), None)
    asked = library.recordings
    return Look(
        belongings.of_people(store),
        belongings.of_encoder(store, old) if old else {},
        answers(store, asked, every=every) | default_answers(store),
        {each.name: answers(store, asked, each, every=every) for each in encoders},
        names(store),
        belongings.audit_trail(store),
        belongings.problems(store),
        belongings.different_twins(store),
    )


def names(store: VoiceStore, encoder: WhichEncoder = None) -> dict[tuple[str, SegmentKey], Name]:
    """The labels of all segments, by default those that are shown."""
    shown = encoder or store.encoders.find().identity
    return {
        (each.video, label.key): Name(label.speaker, label.reason)
        for each in store.recordings.videos()
        for label in store.labels.current(each.video, encoder=shown)
    }


class Move(NamedTuple):
    """How a label changes; None for no label."""

    old: Name | None
    new: Name | None


def moves(before: Names, after: Names) -> dict[Move, set[tuple[str, SegmentKey]]]:
    """The segments whose label differs, by how it does."""
    found = defaultdict[Move, set[tuple[str, SegmentKey]]](set)
    for segment in {*before, *after}:
        move = Move(before.get(segment), after.get(segment))
        if move.old != move.new:
            found[move].add(segment)
    return dict(found)


def differing(
    before: Mapping[str, list[str]],
    after: Mapping[str, list[str]],
    same: Callable[[str], str] = str,
) -> dict[str, tuple[list[str], list[str]]]:
    """What is only in one and what is only in the other, of each kind that differs.

    Means are taken in the order of a plan, which decides about the 16th digit; 12 are compared.
    """
    found = {}
    for kind in {*before, *after}:
        first, second = (
            [_rounded(same(each)) for each in rows.get(kind, [])] for rows in (before, after)
        )
        if first != second:
            found[kind] = (
                [each for each in first if each not in set(second)][:3],
                [each for each in second if each not in set(first)][:3],
            )
    return found


def _rounded(answer: str) -> str:
    """A text whose numbers have at most 12 decimal places."""
    return re.sub(r"\d+\.\d{13,}(?!\d*e)", lambda number: f"{float(number[0]):.12f}", answer)
