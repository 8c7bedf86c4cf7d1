"""``Service``: the JSON of one service or tool, described by its layouts; read and written."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from operator import itemgetter
from typing import Any

from pgvoice.hooks.errors import FormatError
from pgvoice.hooks.formats.documents import shown
from pgvoice.hooks.formats.format import check_aligned
from pgvoice.hooks.formats.json.joining import Found, is_single, joined, text_of, turn_of
from pgvoice.hooks.formats.json.json_objects import (
    check_seconds,
    dumped,
    parse_json,
    parse_whole,
    set_speaker,
)
from pgvoice.hooks.formats.json.layouts import Entry, Layout, entries_of, has_speaker
from pgvoice.hooks.formats.json.paths import EACH, Path, leads, walk
from pgvoice.hooks.formats.json.words import WordSpeakers
from pgvoice.hooks.results import Labelled
from pgvoice.store.turns import Turn

_KEYS = 8
_LONGEST_KEYS = 150


@dataclass(frozen=True, slots=True)
class Service:
    """The JSON of a service or tool."""

    name: str
    #: Who writes it, for lists of formats.
    summary: str
    #: Any of these paths leads somewhere in every document.
    marks: tuple[Path, ...]
    #: The first that occurs has the turns; in the others, names go to the same speakers.
    layouts: tuple[Layout, ...]
    #: None of these leads anywhere.
    but_not: tuple[Path, ...] = ()
    #: Whether a speaker is a number by definition.
    is_numbered: bool = False
    #: Start and end of items in seconds that may be milliseconds by mistake.
    plain_times: tuple[Path, Path] | None = None
    #: A key that some answers wrap the document in.
    wrapper: str | None = None
    #: Where the transcript is, which may have no times.
    transcript: Path = ("text",)
    #: How to get the times.
    remedy: str = "ask the service for the times of words"
    #: A new document; None if only the service's own documents can be written.
    new: Callable[[Sequence[Labelled]], object] | None = None

    def matches(self, root: object) -> bool:
        """Whether a parsed document is one of this service."""
        found = self.unwrapped(root)
        return any(leads(found, mark) for mark in self.marks) and not any(
            leads(found, mark) for mark in self.but_not
        )

    def unwrapped(self, root: Any) -> Any:
        """The object with the results."""
        if self.wrapper is None or not isinstance(root, dict):
            return root
        inner = root.get(self.wrapper)
        return inner if isinstance(inner, dict) else root

    def read(self, text: str, *, uri: str | None = None) -> list[Turn]:
        """The turns; raises `FormatError` for another document, or one without times."""
        return [found.turn for found in self._found(parse_json(text))[1]]

    def write(
        self, labelled: Sequence[Labelled], *, source: str | None, uri: str | None = None
    ) -> str:
        """The document with names; everything but its speakers is kept."""
        if source is None:
            if self.new is None:
                raise FormatError(
                    f"only a document of {self.name} itself can get names: write json or whisperx"
                )
            return dumped(self.new(labelled), None)
        root = parse_whole(source)
        layout, found = self._found(root)
        check_aligned(labelled, [one.turn for one in found])
        for one, each in zip(found, labelled, strict=True):
            self._name(layout, one, each)
        self._name_others(layout, root, labelled)
        return dumped(root, source)

    def _found(self, document: object) -> tuple[Layout, list[Found]]:
        """The turns, and the layout that has them."""
        if not self.matches(document):
            raise FormatError(
                f"line 1: found {with_keys(document)}, expected the JSON of {self.name}"
            )
        root = self.unwrapped(document)
        self._check_times(root)
        for layout in self.layouts:
            found = _turns(layout, root)
            labels = (one.turn.label is not None for one in found)
            if found and (not layout.needs_speakers or any(labels)):
                return layout, found
        self._check_silent(root)
        return self.layouts[0], []

    def _check_times(self, root: object) -> None:
        if self.plain_times is not None:
            starts, ends = (list(walk(root, path)) for path in self.plain_times)
            check_seconds(list(zip(starts, ends, strict=False)))

    def _check_silent(self, root: object) -> None:
        """Raise `FormatError` unless the document has its lists, and no text that lacks times."""
        places = [_first_list(layout.lists) for layout in self.layouts]
        if not any(isinstance(found, list) for place in places for found in walk(root, place)):
            expected = " or ".join(dict.fromkeys(".".join(map(str, place)) for place in places))
            raise FormatError(f"line 1: found {with_keys(root)}, expected a list as {expected}")
        texts = [*walk(root, self.transcript)]
        for layout in self.layouts:
            texts += walk(root, (*layout.lists, EACH))
        if any(text for text in texts if not isinstance(text, str) or text.strip()):
            raise FormatError(f"line 1: found text without times: {self.remedy}")

    def _name(self, layout: Layout, found: Found, each: Labelled) -> None:
        if each.speaker is not None and not found.holders:
            raise FormatError(
                f"found no place for a speaker at {found.turn.start} s: write json or whisperx"
            )
        for holder in found.holders:
            set_speaker(holder, each, layout.speaker, beside=self.is_numbered)

    def _name_others(self, named: Layout, document: Any, labelled: Sequence[Labelled]) -> None:
        """Write names to the same speakers in the other layouts, by the largest overlap."""
        by_label: dict[str | None, list[Labelled]] = {}
        for each in labelled:
            by_label.setdefault(each.segment.label, []).append(each)
        of_label = {label: WordSpeakers(some) for label, some in by_label.items()}
        root = self.unwrapped(document)
        done = {named.lists}
        for layout in self.layouts:
            if layout.lists in done:
                continue
            done.add(layout.lists)
            most = None
            for entry in _entries(layout, root):
                speakers = of_label.get(entry.label)
                # What has no times of its own, such as punctuation, follows the word before.
                if entry.start is not None:
                    most = speakers.most(entry.start, entry.end) if speakers else None
                if most is not None and speakers is not None:
                    for holder in filter(partial(has_speaker, layout), entry.holders):
                        set_speaker(holder, most, layout.speaker, beside=self.is_numbered)


def with_keys(found: object) -> str:
    """A document for a message: an object by its keys."""
    if not isinstance(found, dict):
        return shown(found)
    if not found:
        return "an object without keys"
    keys = ", ".join(shown(key) for key in list(found)[:_KEYS])
    more = " and others" if len(found) > _KEYS else ""
    return f"an object with the keys {keys[:_LONGEST_KEYS]}{more}"


def _first_list(path: Path) -> Path:
    """The beginning of a path, to the first list on it."""
    return path[: path.index(EACH)] if EACH in path else path


def _entries(layout: Layout, root: object) -> Iterator[Entry]:
    return chain.from_iterable(entries_of(layout, root))


def _turns(layout: Layout, root: object) -> list[Found]:
    lists = entries_of(layout, root)
    if layout.words == "always" or (
        layout.words == "short" and is_single([*chain.from_iterable(lists)])
    ):
        found = list(chain.from_iterable(map(joined, lists)))
    else:
        found = list(filter(None, map(turn_of, chain.from_iterable(lists))))
    if layout.spoken is None:
        return found
    return _with_text(found, sorted(_timed(_entries(layout.spoken, root)), key=itemgetter(0)))


def _timed(words: Iterable[Entry]) -> Iterator[tuple[float, Entry]]:
    """Words with their starts; those without times start with the word before."""
    latest = 0.0
    for word in words:
        latest = latest if word.start is None else word.start
        yield latest, word


def _with_text(turns: Iterable[Found], words: Sequence[tuple[float, Entry]]) -> list[Found]:
    """The turns with the words that start in them."""
    starts = [start for start, _ in words]
    made = []
    for found in turns:
        first, last = (bisect_left(starts, time) for time in (found.turn.start, found.turn.end))
        text = text_of([word for _, word in words[first:last]])
        made.append(found._replace(turn=replace(found.turn, text=text)))
    return made
