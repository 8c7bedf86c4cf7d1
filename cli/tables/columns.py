"""The kinds of columns: what is shortened, folded or left out, and in which colours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

#: Stands for a value that is not there.
NOTHING = "-"
#: Styles that are readable on light and dark, in rich's words.
GOOD, DOUBTFUL, BAD, FAINT = "green", "yellow", "red", "dim"
_NAME = "bold magenta"
#: Styles of the words that tables show; others are plain.
_STYLES = {
    word: style
    for style, words in {
        GOOD: ("matched", "by_cluster", "pinned", "valid", "ready", "yes", "complete", "loaded"),
        DOUBTFUL: (
            *("suggested", "below_threshold", "ambiguous", "overlapped"),
            *("outlying", "being built"),
        ),
        BAD: ("no_profiles", "missing", "non_finite", "interrupted", "expired", "failed"),
        FAINT: ("too_short", "silent", "out_of_range", "erased", "removed", "withdrawn", NOTHING),
    }.items()
    for word in words
}


def _plain(_value: str) -> str:
    return ""


class Column(NamedTuple):
    """A column of a table."""

    header: str
    justify: Literal["left", "right"] = "left"
    #: Its values are never shortened.
    whole: bool = False
    #: If the table is too wide, the column with the lowest number is left out first; 0: never.
    dropped: int = 0
    #: For the last column: a value that is too long continues on the next line.
    folded: bool = False
    #: Gives the style of a value, in rich's words.
    style: Callable[[str], str] = _plain


def number(header: str, dropped: int = 0) -> Column:
    """A column of numbers."""
    return Column(header, "right", whole=True, dropped=dropped)


def numbers(*headers: str) -> tuple[Column, ...]:
    """Columns of numbers."""
    return tuple(map(number, headers))


def word(header: str, dropped: int = 0) -> Column:
    """A column of words of a fixed vocabulary, such as reasons."""
    return Column(header, whole=True, dropped=dropped, style=lambda word: _STYLES.get(word, ""))


def person(header: str, dropped: int = 0) -> Column:
    """A column of names; those in parentheses were not given."""
    return Column(header, dropped=dropped, style=_style_of_name)


def _style_of_name(name: str) -> str:
    return "" if name.startswith("(") or name == NOTHING else _NAME


def encoder(header: str, encoders: Mapping[str, str]) -> Column:
    """A column of encoders, see `short_labels`.

    It is left out first if there is only one, unless its vectors were imported.
    """
    says_little = len(encoders) == 1 and not any("/imported" in name for name in encoders.values())
    return Column(header, dropped=1 if says_little else 0)


def optional(header: str, dropped: int) -> Column:
    """A column of text that is left out if the table is too wide, the lowest number first."""
    return Column(header, dropped=dropped)


def explanation(header: str, style: str = "") -> Column:
    """The last column, of sentences or lists, which continue on the next line."""
    return Column(header, folded=True, style=lambda _: style)
