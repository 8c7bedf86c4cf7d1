"""Lines of fields, as NIST's formats have them, and names that must be one field each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Context, Decimal
from typing import NamedTuple

from pgvoice.hooks.errors import FormatError
from pgvoice.hooks.formats.documents import Line, numbered_lines, unexpected
from pgvoice.hooks.formats.format import check_name, refused
from pgvoice.hooks.results import Labelled
from pgvoice.store.turns import Turn

#: A field without a value.
NONE = "<NA>"
# Missing values for pandas, and so for pyannote.database's load_rttm.
_NO_NAMES = frozenset(
    {NONE, "NA", "N/A", "n/a", "NaN", "nan", "-NaN", "-nan", "NULL", "null", "None"}
    | {"#NA", "#N/A", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"}
)
_COMMENT = ";;"
_FIELD = re.compile(r"[^ \t]+")
_NUMBER = re.compile(
    r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,4})?|nan|inf)", re.ASCII | re.IGNORECASE
)
# No traps: sums become NaN or infinite, as with floats.
_EXACT = Context(prec=50, traps=[])
_LONGEST = 200
#: How many lines decide whether a text has a format.
_FIRST = 20


class Fields(NamedTuple):
    """A line, and its fields without the blanks between them."""

    line: Line
    fields: list[str]

    def expected(self, what: str) -> FormatError:
        """The error for a line that is not `what`."""
        return unexpected(f"line {self.line.number}", self.line.text, what)

    def seconds(self, place: int) -> Decimal:
        """A field as an exact number, which may be NaN or infinite; `FormatError` if it is none."""
        field = self.fields[place]
        if not is_number(field):
            raise unexpected(f"line {self.line.number}", field, "a number of seconds")
        return Decimal(field)


class UriTurn(NamedTuple):
    """A turn, its recording, and its place in the text."""

    uri: str
    turn: Turn
    line: Line


def field_lines(text: str) -> list[Fields]:
    """The lines of a text, without blank lines and comments."""
    filled = (line for line in numbered_lines(text) if line.text.strip())
    lines = (Fields(line, fields_of(line.text)) for line in filled)
    return [each for each in lines if not each.fields[0].startswith(_COMMENT)]


def first_lines(text: str) -> list[Fields]:
    """Enough lines to recognise a format."""
    return field_lines(text)[:_FIRST]


def fields_of(line: str) -> list[str]:
    """The fields of a line, which blanks and tabs separate."""
    return _FIELD.findall(line)


def is_number(field: str) -> bool:
    """Whether a field is a number, NaN or an infinity."""
    return _NUMBER.fullmatch(field) is not None


def total(first: Decimal, second: Decimal) -> Decimal:
    """The exact sum."""
    return _EXACT.add(first, second)


def of_recording(turns: Sequence[UriTurn], uri: str | None) -> list[UriTurn]:
    """The turns of a recording; a file of several recordings needs a `uri`."""
    uris = sorted({turn.uri for turn in turns})
    if uri is None and len(uris) > 1:
        raise FormatError(f"file ids: found {_listed(uris)}, expected one; choose it by its uri")
    if uri is not None and uri not in uris:
        raise FormatError(f"file ids: found {_listed(uris)}, expected {uri[:_LONGEST]!r}")
    return [turn for turn in turns if uri in (None, turn.uri)]


def by_recording(turns: Sequence[UriTurn]) -> dict[str, list[Turn]]:
    """The turns of each recording."""
    found: dict[str, list[Turn]] = {}
    for each in turns:
        found.setdefault(each.uri, []).append(each.turn)
    return found


def name_fields(labelled: Sequence[Labelled], format_name: str, *, new: bool) -> list[str | None]:
    """The name field of each segment; labels that are kept from the source are not checked."""
    people: dict[str, str] = {}
    fields: list[str | None] = []
    for index, each in enumerate(labelled):
        name, label = each.speaker, each.segment.label
        name = label if name is None and new else name
        fields.append(label if name is None else _checked(index, name, people, format_name))
    return fields


def field_of(name: str) -> str:
    """The name with underscores instead of spaces."""
    return "".join("_" if character.isspace() else character for character in name)


def uri_field(uri: str | None) -> str:
    """A recording's key as a field."""
    kept = field_of(uri or NONE)
    return "".join(character if character.isprintable() else "_" for character in kept)


def with_field(line: str, place: int, field: str) -> str:
    """The line with another field; its blanks stay."""
    old = list(_FIELD.finditer(line))[place]
    return f"{line[: old.start()]}{field}{line[old.end() :]}"


def _checked(index: int, name: str, people: dict[str, str], format_name: str) -> str:
    check_name(index, name, format_name)
    field = field_of(name)
    if field in _NO_NAMES or field.startswith('"'):
        raise refused(index, name, format_name, "it would not be read as a name")
    if people.setdefault(field, name) != name:
        raise refused(index, name, format_name, f"it would be the same as {people[field]!r}")
    return field


def _listed(uris: list[str]) -> str:
    shown = ", ".join(each[:_LONGEST] for each in uris[:20]) + (" and more" if uris[20:] else "")
    return (shown or "none") if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}..."
