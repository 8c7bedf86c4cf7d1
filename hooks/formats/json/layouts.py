"""``Layout``: where a JSON document has its turns, or the words that are joined into turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Literal, NamedTuple

from pgvoice.hooks.formats.documents import unexpected
from pgvoice.hooks.formats.json.json_objects import DIARIZER_LABEL, NAME, label_text, plain_text
from pgvoice.hooks.formats.json.paths import Path, walk
from pgvoice.hooks.formats.json.units import Unit

_PUNCTUATION = ("punctuation", "punct")


class Time(NamedTuple):
    """Where an item has a time; of several values, the first start and the last end count."""

    path: Path
    unit: Unit


@dataclass(frozen=True, slots=True)
class Times:
    """Where an item has its start, and its end or else its length; the first that occurs counts."""

    starts: tuple[Time, ...]
    ends: tuple[Time, ...] = ()
    lengths: tuple[Time, ...] = ()
    #: Whether a start of 0 is left out.
    omits_zero: bool = False


def times(start: Path, end: Path, unit: Unit) -> Times:
    """Start and end in one unit."""
    return Times((Time(start, unit),), (Time(end, unit),))


@dataclass(frozen=True, slots=True)
class Layout:
    """Items with a time and a speaker: the turns themselves, or words."""

    #: To the lists of items; a turn ends with its list.
    lists: Path
    times: Times
    #: Whether items without times are left out; words may always lack them.
    skips_untimed: bool = False
    #: The first that occurs.
    text: tuple[Path, ...] = (("text",),)
    #: Between the texts of an item, if there are several.
    spacing: str = " "
    #: From an item to the object that has the speaker.
    holder: Path = ()
    #: Keys of the speaker, the best first.
    speaker: tuple[str, ...] = ("speaker",)
    #: The speaker of what nobody in particular said.
    nobody: frozenset[str] = frozenset()
    #: From an item to the objects in it that repeat its speaker.
    within: Path = ()
    #: The key of an item's channel, or ``#`` if each list is a channel. Speakers are numbered in
    #: each channel.
    channel: str | None = None
    #: Whether items are words to be joined into turns; "short" means that they are if most of them
    #: are single words.
    words: Literal["never", "always", "short"] = "never"
    #: Whether only a document with speakers is read by this layout.
    needs_speakers: bool = False
    #: Whether the last list may repeat the others with speakers, which they lack.
    repeats: bool = False
    #: Where the words of turns without text are.
    spoken: Layout | None = None


class Entry(NamedTuple):
    """An item as it was read; without times it belongs to the item before it."""

    start: float | None
    end: float | None
    label: str | None
    text: str | None
    #: Whether no space stands before the text.
    is_glued: bool = False
    ends_sentence: bool = False
    #: The objects that have this speaker.
    holders: tuple[dict[str, Any], ...] = ()


def entries_of(layout: Layout, root: Any) -> list[list[Entry]]:
    """The items of a document, list by list; raises `FormatError` for what is no item."""
    lists = [found for found in walk(root, layout.lists) if isinstance(found, list)]
    channels = _channels(layout, lists)
    several = len(set(channels)) > 1
    numbered = count()
    read = [
        [
            _entry(layout, index, item, channels[index] if several else None)
            for item, index in zip(items, numbered, strict=False)
        ]
        for items in lists
    ]
    return read[-1:] if layout.repeats and _is_repeated(read) else read


def _is_repeated(lists: Sequence[Sequence[Entry]]) -> bool:
    """Whether the last list begins where the first does, and alone has speakers."""
    starts = [[one.start for one in entries if one.start is not None] for entries in lists]
    has_labels = [any(one.label is not None for one in entries) for entries in lists]
    return (
        len(lists) > 1
        and has_labels[-1]
        and not any(has_labels[:-1])
        and (not starts[0] or starts[-1][:1] <= starts[0][:1])
    )


def _channels(layout: Layout, lists: Sequence[Sequence[object]]) -> list[str]:
    """The channel of each item; an empty text if there are none."""
    if layout.channel == "#":
        return [str(number) for number, items in enumerate(lists) for _ in items]
    every = (item for items in lists for item in items)
    if layout.channel is None:
        return ["" for _ in every]
    return [str(next(walk(item, (layout.channel,)), 0))[:20] for item in every]


def _entry(layout: Layout, index: int, item: Any, channel: str | None) -> Entry:
    where = f"{'word' if layout.words == 'always' else 'segment'} {index}"
    if not isinstance(item, dict | list):
        raise unexpected(where, item, "an object with times")
    start, end = _times(layout, where, item)
    holders = [found for found in walk(item, layout.holder) if isinstance(found, dict)]
    label = _label(layout, where, holders[0], channel) if holders else None
    keys = item if isinstance(item, dict) else {}
    return Entry(
        start,
        end,
        label,
        _text(layout, where, item),
        keys.get("type") in _PUNCTUATION and keys.get("attaches_to", "previous") == "previous",
        keys.get("is_eos") is True,
        (*holders, *_repeating(layout, item)),
    )


def _repeating(layout: Layout, item: Any) -> list[dict[str, Any]]:
    """The objects within an item that say who speaks."""
    every = walk(item, layout.within) if layout.within else ()
    return [found for found in every if isinstance(found, dict) and has_speaker(layout, found)]


def has_speaker(layout: Layout, found: dict[str, Any]) -> bool:
    """Whether an object says who speaks."""
    return any(found.get(key) is not None for key in (NAME, *layout.speaker))


def _times(layout: Layout, where: str, item: Any) -> tuple[float | None, float | None]:
    known = layout.times
    start = min(_values(known.starts, where, item), default=None)
    end = max(_values(known.ends, where, item), default=None)
    lasts = next(iter(_values(known.lengths, where, item)), None)
    if start is None and known.omits_zero and end is not None:
        start = 0.0
    if end is None and start is not None and lasts is not None:
        end = round(start + lasts, 7)
    if start is not None and end is not None:
        return start, end
    if layout.words != "always" and not layout.skips_untimed:
        wanted = known.starts if start is None else (*known.ends, *known.lengths)
        raise unexpected(where, item, f'a time as "{wanted[0].path[0]}"')
    return None, None


def _values(known: Sequence[Time], where: str, item: Any) -> list[float]:
    for time in known:
        found = [time.unit(where, value) for value in walk(item, time.path)]
        if found:
            return found
    return []


def _label(layout: Layout, where: str, holder: dict[str, Any], channel: object) -> str | None:
    found = next((holder[key] for key in layout.speaker if holder.get(key) is not None), None)
    label = None if found is None else label_text(where, found)
    if holder.get(NAME) is not None:
        return label_text(where, holder[NAME])
    # Beside a diarizer's label it is a name.
    if label in layout.nobody and holder.get(DIARIZER_LABEL) is None:
        label = None
    if channel is None:
        return label
    return f"channel {channel}" if label is None else f"channel {channel}, speaker {label}"


def _text(layout: Layout, where: str, item: Any) -> str | None:
    for path in layout.text:
        texts = [plain_text(where, found) or "" for found in walk(item, path)]
        if texts:
            return layout.spacing.join(texts)
    return None
