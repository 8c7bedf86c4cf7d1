"""``import_labels``: the names that a person changed in a transcript, as pins."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any, NamedTuple

from pgvoice.hooks.errors import NotLabelled
from pgvoice.hooks.turns import as_turns, snap_turns
from pgvoice.store.keys import OnGrid, SegmentKey
from pgvoice.store.recordings.encoders import WhichEncoder
from pgvoice.store.turns import Turn
from pgvoice.store.voice_store import VoiceStore

#: What stands for somebody without a name: ``SPEAKER_00``, ``voice 12``, ``?1``, ``(Ada?)``.
_ANONYMOUS = re.compile(
    r"(?:(?:unknown )?(?:speaker|spk|voice) ?-?)?\??\d+|unknown(?: speaker)?|speaker|\(.*\)|[-?]?",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class NameChange(OnGrid):
    """A stored turn that has another name in a document."""

    start_ms: int
    end_ms: int
    #: The diarizer's label.
    label: str | None
    #: The name of its current label; None if it has none.
    before: str | None
    after: str


@dataclass(frozen=True, slots=True)
class LabelsImport:
    """What a document says that the labels of a recording do not."""

    video: str
    encoder: str
    #: In time order.
    changes: tuple[NameChange, ...]
    #: Those names that nobody in the store has.
    new: tuple[str, ...]
    #: Named stretches of the document that mean no stored turn.
    unmatched: tuple[Turn, ...]
    #: How many turns have a name, and none in the document; they keep it.
    nameless: int
    #: The act that pinned them; None if nothing was pinned.
    act: int | None = None


def import_labels(
    store: VoiceStore,
    video: str,
    segments: Iterable[Any],
    *,
    new: bool = False,
    dry_run: bool = False,
    encoder: WhichEncoder = None,
) -> LabelsImport:
    """Pin the turns whose name in `segments` differs from that of their label.

    Segments can have any shape that `as_turns` accepts, with people's names as labels. A segment
    means the turn with its times, or the turns that are more like it than like any other segment
    and half in it. Diarizers' labels and the like say nothing. Names that nobody has are only
    allowed with `new`, which adds these people. Raises `UnknownVideo`, `UnknownEncoder`,
    `NewName`, and `NotLabelled` if the video has neither turns nor labels.
    """
    which = store.encoders.find(encoder).identity
    spoken = _spoken(store, video, which)
    people = {each.speaker for each in store.people.speakers()}
    found = compared(spoken, as_turns(segments), people, store.grid_ms)
    changes = tuple(found.changes)
    names = {each.after for each in changes}
    result = LabelsImport(
        video,
        str(which),
        changes,
        tuple(sorted(names - people)),
        tuple(found.unmatched),
        found.nameless,
    )
    if dry_run or not changes:
        return result
    keys = {name: [each.key for each in changes if each.after == name] for name in sorted(names)}
    return replace(result, act=store.labels.pin_people(video, keys, new=new))


class SpokenTurn(NamedTuple):
    """A stored turn: its key, the diarizer's label, and the name of its current label."""

    key: SegmentKey
    label: str | None
    name: str | None


class Compared(NamedTuple):
    """The fields of `LabelsImport`."""

    changes: list[NameChange]
    unmatched: list[Turn]
    nameless: int


def _spoken(store: VoiceStore, video: str, encoder: WhichEncoder) -> list[SpokenTurn]:
    """The stored turns by time, of each segment the first; without turns, the labels."""
    names = {each.key: each.speaker for each in store.labels.current(video, encoder=encoder)}
    turns = store.recordings.turns(video)
    if turns is None:
        if not names:
            raise NotLabelled(
                f"{video} has neither turns nor labels to compare with: fill it first"
            )
        return [SpokenTurn(key, None, name) for key, name in sorted(names.items())]
    keys = snap_turns(turns, store.grid_ms).keys
    first = {key: turn for key, turn in zip(keys[::-1], turns[::-1], strict=True) if key}
    unlabelled = [key for key in first if key not in names]
    # What a person said of turns without a label.
    names |= {
        each.key: each.speaker
        for each in store.answers.identify(video, unlabelled, encoder=encoder)
        if each.reason == "pinned"
    }
    return [SpokenTurn(key, first[key].label, names.get(key)) for key in sorted(first)]


def compared(
    spoken: Sequence[SpokenTurn], said: Sequence[Turn], people: Iterable[str], grid_ms: int
) -> Compared:
    """What a document says of stored turns, each given once; `people` are those in the store."""
    known = {_plain(name): name for name in people}
    anonymous = {_plain(each.label) for each in spoken if each.label}
    keys = snap_turns(said, grid_ms).keys
    heard = [
        (key, replace(turn, label=_name(turn.label, known, anonymous)))
        for key, turn in zip(keys, said, strict=True)
        if key
    ]
    meant = _meant([each.key for each in spoken], [key for key, _ in heard])
    changes, nameless = [], 0
    for turn, places in zip(spoken, meant, strict=True):
        names = {heard[at][1].label for at in places} - {None}
        nameless += bool(places and turn.name and not names)
        # Two names in one place are nobody's.
        if len(names) == 1 and turn.name not in names:
            (after,) = names
            changes.append(NameChange(*turn.key, turn.label, turn.name, str(after)))
    used = {at for places in meant for at in places}
    unmatched = [turn for at, (_, turn) in enumerate(heard) if turn.label and at not in used]
    return Compared(changes, unmatched, nameless)


def _meant(turns: Sequence[SegmentKey], said: Sequence[SegmentKey]) -> list[list[int]]:
    """By turn, the places of the segments that mean it."""
    exact: dict[SegmentKey, list[int]] = defaultdict(list)
    for at, key in enumerate(said):
        exact[key].append(at)
    known = set(turns)
    rest = sorted((key, at) for at, key in enumerate(said) if key not in known)
    near = _Near([key for key, _ in rest])
    return [exact.get(turn) or [rest[at][1] for at in near.most_alike(turn)] for turn in turns]


class _Near:
    """Segments in time order, to find those that share time with a turn."""

    def __init__(self, keys: Sequence[SegmentKey]) -> None:
        self._keys = keys
        #: Where the last one up to here ends.
        self._ends = list(accumulate((key.end_ms for key in keys), max))

    def most_alike(self, turn: SegmentKey) -> list[int]:
        """The place of the segment most like the turn that covers half of it, if there is one."""
        covering = [
            at for at in self._around(turn) if 2 * _shared(self._keys[at], turn) >= turn.duration_ms
        ]
        return sorted(covering, key=lambda at: -_likeness(self._keys[at], turn))[:1]

    def _around(self, turn: SegmentKey) -> Iterator[int]:
        at = bisect_left(self._keys, (turn.end_ms,)) - 1
        while at >= 0 and self._ends[at] > turn.start_ms:
            yield at
            at -= 1


def _shared(one: SegmentKey, other: SegmentKey) -> int:
    return min(one.end_ms, other.end_ms) - max(one.start_ms, other.start_ms)


def _likeness(one: SegmentKey, other: SegmentKey) -> float:
    """The time that two overlapping spans share, as a part of the time that they take together."""
    whole = max(one.end_ms, other.end_ms) - min(one.start_ms, other.start_ms)
    return _shared(one, other) / whole


def _plain(name: str) -> str:
    """A name as it is after formats that have no blanks."""
    return " ".join(name.replace("_", " ").split())


def _name(label: str | None, people: dict[str, str], anonymous: set[str]) -> str | None:
    """The person whom a label of a document names; None for a diarizer's label or the like."""
    plain = _plain(label or "")
    if plain in people:
        return people[plain]
    if plain in anonymous or _ANONYMOUS.fullmatch(plain):
        return None
    return (label or "").strip()
