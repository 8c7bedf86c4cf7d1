"""Praat's text files of tiers: the tokens that count, and where they are in the text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from pgvoice.hooks.errors import FormatError
from pgvoice.hooks.formats.documents import shown, unexpected
from pgvoice.hooks.formats.tracks.tracks import label_of
from pgvoice.store.turns import Turn

# A quoted string, in which quotes are doubled; a comment; anything else that stands free.
_TOKEN = re.compile(r'"(?:[^"]|"")*+"|!.*|[^\s"!]\S*|\S')
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d{1,4})?", re.ASCII)
_COUNT = re.compile(r"\d{1,9}", re.ASCII)
_FLAG = re.compile(r"<\w+>")
_KIND = re.compile(
    r'\s*File type\s*=\s*"ooTextFile(?: short)?"\s+(?:Object class\s*=\s*)?"TextGrid'
)
_TIERS = frozenset({"IntervalTier", "TextTier"})


class Token(NamedTuple):
    """A string, a number or a flag at a place in the text."""

    start: int
    end: int
    raw: str

    @property
    def string(self) -> str:
        return self.raw[1:-1].replace('""', '"')


class Interval(NamedTuple):
    """The tokens of an interval."""

    start: Token
    end: Token
    text: Token


class Tier(NamedTuple):
    """The tokens of a tier."""

    name: Token
    start: Token
    end: Token
    #: Empty if the tier consists of points.
    intervals: list[Interval]


class Grid(NamedTuple):
    """The tiers of a text."""

    #: None if the grid has no tiers.
    size: Token | None
    tiers: list[Tier]

    def turns(self) -> list[tuple[int, Interval, Turn]]:
        """The number of a tier, an interval and its turn, by time."""
        found = [
            (number, interval, _turn(tier, interval))
            for number, tier in enumerate(self.tiers)
            for interval in tier.intervals
            if interval.text.string.strip()
        ]
        return sorted(found, key=lambda each: (each[2].start, each[2].end, each[0]))


class _Reader:
    """The tokens of a text, in order and each of the kind that is expected."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _tokens(text)

    def string(self, expected: str) -> Token:
        token = self._next(expected)
        return token if token.raw.startswith('"') else self._refuse(token, expected)

    def number(self, expected: str) -> Token:
        token = self._next(expected)
        return token if _NUMBER.fullmatch(token.raw) else self._refuse(token, expected)

    def count(self, expected: str) -> Token:
        token = self._next(expected)
        return token if _COUNT.fullmatch(token.raw) else self._refuse(token, expected)

    def flag(self) -> str:
        token = self._next("<exists>")
        return token.raw if _FLAG.fullmatch(token.raw) else self._refuse(token, "<exists>").raw

    def _next(self, expected: str) -> Token:
        token = next(self._tokens, None)
        if token is None:
            raise FormatError(f"found the end of the file, expected {expected}")
        return token

    def _refuse(self, token: Token, expected: str) -> Token:
        line = self._text.count("\n", 0, token.start) + 1
        raise unexpected(f"line {line}", token.raw, expected)


def _tokens(text: str) -> Iterator[Token]:
    """What Praat reads of a text: strings, numbers and flags that stand free."""
    for found in _TOKEN.finditer(text):
        token = Token(found.start(), found.end(), found[0])
        quoted = token.raw.startswith('"') and len(token.raw) > 1
        if quoted or _NUMBER.fullmatch(token.raw) or _FLAG.fullmatch(token.raw):
            yield token


def parsed_grid(text: str) -> Grid:
    """The tiers of a text, in the long or the short form; `FormatError` for a mistake."""
    reader = _Reader(text)
    for expected in ("ooTextFile", "TextGrid"):
        found = reader.string(f'"{expected}"').string
        if not found.startswith(expected):
            raise FormatError(f'found {shown(found)}, expected "{expected}"')
    reader.number("the start of the grid")
    reader.number("the end of the grid")
    if reader.flag() != "<exists>":
        return Grid(None, [])
    size = reader.count("the number of tiers")
    return Grid(size, [_tier(reader) for _ in range(int(size.raw))])


def _tier(reader: _Reader) -> Tier:
    kind = reader.string('"IntervalTier" or "TextTier"')
    if kind.string not in _TIERS:
        raise FormatError(f'found the tier {shown(kind.string)}, expected "IntervalTier"')
    name = reader.string("the name of a tier")
    start, end = reader.number("the start of a tier"), reader.number("the end of a tier")
    count = range(int(reader.count("the number of intervals").raw))
    if kind.string == "IntervalTier":
        return Tier(name, start, end, [_interval(reader) for _ in count])
    for _ in count:
        reader.number("the time of a point")
        reader.string("the text of a point")
    return Tier(name, start, end, [])


def _interval(reader: _Reader) -> Interval:
    times = (reader.number("the start of an interval"), reader.number("the end of an interval"))
    return Interval(*times, reader.string("the text of an interval"))


def _turn(tier: Tier, interval: Interval) -> Turn:
    start, end = float(interval.start.raw), float(interval.end.raw)
    return Turn(start, end, label_of(tier.name.string), interval.text.string.strip())


def matches_grid(text: str) -> bool:
    """Whether a text begins as Praat's grids do."""
    return _KIND.match(text) is not None
