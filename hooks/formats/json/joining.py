"""Words are joined into turns: consecutive words of one speaker, up to a pause."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from pgvoice.hooks.formats.json.layouts import Entry
from pgvoice.store.turns import Turn

#: A turn ends before a pause of this length, in seconds.
PAUSE_S = 1.0
#: A turn that has lasted this long ends with its sentence.
LONG_S = 20.0
#: The longest turn of several words; a vector is made of at most this much.
LONGEST_S = 60.0
_SENTENCE_ENDS = (".", "!", "?", "\u2026", "\u3002", "\uff01", "\uff1f")


class Found(NamedTuple):
    """A turn, and the objects of the document that say who speaks in it."""

    turn: Turn
    holders: tuple[dict[str, Any], ...]


def turn_of(entry: Entry) -> Found | None:
    """An item as a turn of its own; None if it has no times."""
    return _Group([entry]).turn()


def joined(words: Iterable[Entry]) -> Iterator[Found]:
    """The turns of words in their order; words without times belong to the turn before them.

    A turn ends where the label changes, before a pause, with its sentence if it is long, and at the
    longest turn.
    """
    group = _Group([])
    for word in words:
        if group.ends_before(word):
            yield from filter(None, [group.turn()])
            group = _Group([])
        group.add(word)
    yield from filter(None, [group.turn()])


class _Group:
    """Words that make a turn."""

    def __init__(self, words: Iterable[Entry]) -> None:
        self._words: list[Entry] = []
        #: The first word with times.
        self._first: Entry | None = None
        self._start = self._end = 0.0
        for word in words:
            self.add(word)

    def add(self, word: Entry) -> None:
        self._words.append(word)
        if word.start is None or word.end is None:
            return
        if self._first is None:
            self._first, self._start, self._end = word, word.start, word.end
        self._start, self._end = min(self._start, word.start), max(self._end, word.end)

    def ends_before(self, word: Entry) -> bool:
        """Whether a word begins another turn."""
        if self._first is None or word.start is None or word.end is None:
            return False
        return (
            word.label != self._first.label
            or word.start - self._end >= PAUSE_S
            or word.end - self._start > LONGEST_S
            or (self._end - self._start >= LONG_S and _ends_sentence(self._words[-1]))
        )

    def turn(self) -> Found | None:
        """The turn; None if no word has times."""
        if self._first is None:
            return None
        holders = tuple(holder for word in self._words for holder in word.holders)
        text = self._words[0].text if len(self._words) == 1 else text_of(self._words)
        return Found(Turn(self._start, self._end, self._first.label, text), holders)


def is_single(entries: Sequence[Entry]) -> bool:
    """Whether most items are single words."""
    texts = [entry.text.split() for entry in entries if entry.text]
    return len(texts) > 1 and sum(len(text) == 1 for text in texts) > 0.8 * len(texts)


def text_of(words: Sequence[Entry]) -> str | None:
    """The text of words; None if they have none."""
    spoken = [(word.text.strip(), word.is_glued) for word in words if word.text is not None]
    if not spoken:
        return None
    return "".join(text if is_glued else f" {text}" for text, is_glued in spoken).strip()


def _ends_sentence(word: Entry) -> bool:
    return word.ends_sentence or (word.text or "").rstrip().endswith(_SENTENCE_ENDS)
