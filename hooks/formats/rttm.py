"""RTTM, NIST's rich transcription time marked format, as diarizers write it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Context, Decimal
from typing import NamedTuple

from pgvoice.hooks.errors import FormatError
from pgvoice.hooks.formats.documents import Line, numbered_lines, unexpected, with_lines
from pgvoice.hooks.formats.format import (
    Format,
    check_aligned,
    check_name,
    check_read_back,
    check_span,
    refused,
)
from pgvoice.hooks.results import Labelled
from pgvoice.store.turns import Turn

# The types that NIST's rttmValidator (SCTK) accepts; only SPEAKER lines are segments.
_TYPES = frozenset(
    {"A/P", "CB", "EDIT", "FILLER", "IP", "LEXEME", "NON-LEX", "NON-SPEECH", "NOSCORE"}
    | {"NO_RT_METADATA", "SEGMENT", "SPEAKER", "SPKR-INFO", "SU"}
)
_SPEAKER_LINE = "SPEAKER file channel onset duration <NA> <NA> name <NA> <NA>"
_NONE = "<NA>"
# Missing values for pandas, and so for pyannote.database's load_rttm.
_NO_NAMES = frozenset(
    {_NONE, "NA", "N/A", "n/a", "NaN", "nan", "-NaN", "-nan", "NULL", "null", "None"}
    | {"#NA", "#N/A", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"}
)
# RT-09 added a tenth field, the lookahead.
_FIELD_COUNTS = (9, 10)
_NUMBER = re.compile(
    r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,4})?|nan|inf)", re.ASCII | re.IGNORECASE
)
# No traps: sums become NaN or infinite, as with floats.
_EXACT = Context(prec=50, traps=[])

_LONGEST = 200
_FIELD = re.compile(r"[^ \t]+")


class _Turn(NamedTuple):
    uri: str
    segment: Turn
    line: Line


def read_rttm(text: str, *, uri: str | None = None) -> list[Turn]:
    """The SPEAKER lines of a recording; a file of several recordings needs a `uri`."""
    return [turn.segment for turn in _turns(text, uri)]


def read_all_rttm(text: str) -> dict[str, list[Turn]]:
    """The SPEAKER lines by recording."""
    found: dict[str, list[Turn]] = {}
    for turn in _every_turn(text):
        found.setdefault(turn.uri, []).append(turn.segment)
    return found


def write_rttm(labelled: Sequence[Labelled], *, source: str | None, uri: str | None = None) -> str:
    """Change only the eighth field of the recording's SPEAKER lines.

    Spaces in names become underscores. Raises `FormatError` if two people would then have the same
    name.
    """
    fields = _fields(labelled, new=source is None)
    if source is None:
        text = "".join(map(_line, range(len(labelled)), labelled, fields, [uri] * len(labelled)))
    else:
        turns = _turns(source, uri)
        check_aligned(labelled, [turn.segment for turn in turns])
        named = zip(turns, labelled, fields, strict=True)
        changed = {
            turn.line.number: _with_name(turn.line.text, field)
            for turn, each, field in named
            if each.speaker is not None and field is not None
        }
        text = with_lines(source, changed)
    if labelled:
        check_read_back(labelled, read_rttm(text, uri=uri if source else None), fields, "rttm")
    return text


def field_of(name: str) -> str:
    """The name with underscores instead of spaces."""
    return "".join("_" if character.isspace() else character for character in name)


def _fields(labelled: Sequence[Labelled], *, new: bool) -> list[str | None]:
    """The name field of each segment; labels that are kept from the source are not checked."""
    people: dict[str, str] = {}
    fields: list[str | None] = []
    for index, each in enumerate(labelled):
        name, label = each.speaker, each.segment.label
        name = label if name is None and new else name
        fields.append(label if name is None else _checked(index, name, people))
    return fields


def _checked(index: int, name: str, people: dict[str, str]) -> str:
    check_name(index, name, "rttm")
    field = field_of(name)
    if field in _NO_NAMES or field.startswith('"'):
        raise refused(index, name, "rttm", "it would not be read as a name")
    if people.setdefault(field, name) != name:
        raise refused(index, name, "rttm", f"it would be the same as {people[field]!r}")
    return field


def _with_name(line: str, field: str) -> str:
    old = list(_FIELD.finditer(line))[7]
    return f"{line[: old.start()]}{field}{line[old.end() :]}"


def _line(index: int, labelled: Labelled, field: str | None, uri: str | None) -> str:
    segment = labelled.segment
    check_span(index, segment)
    start = round(Decimal(segment.start), 3)
    duration = round(Decimal(segment.end), 3) - start
    times = f"{start:.3f} {duration:.3f}"
    return f"SPEAKER {_uri(uri)} 1 {times} <NA> <NA> {field or _NONE} <NA> <NA>\n"


def _uri(uri: str | None) -> str:
    kept = field_of(uri or _NONE)
    return "".join(character if character.isprintable() else "_" for character in kept)


def _turns(text: str, uri: str | None) -> list[_Turn]:
    turns = _every_turn(text)
    uris = sorted({turn.uri for turn in turns})
    if uri is None and len(uris) > 1:
        raise FormatError(f"file ids: found {_listed(uris)}, expected one; choose it by its uri")
    if uri is not None and uri not in uris:
        raise FormatError(f"file ids: found {_listed(uris)}, expected {uri[:_LONGEST]!r}")
    return [turn for turn in turns if uri in (None, turn.uri)]


def _every_turn(text: str) -> list[_Turn]:
    turns = []
    for line in numbered_lines(text):
        fields = re.split(r"[ \t]+", line.text.strip(" \t"))
        if not line.text.strip() or fields[0].startswith(";;"):
            continue
        kind = fields[0].upper()
        if kind not in _TYPES:
            raise unexpected(f"line {line.number}", line.text, _SPEAKER_LINE)
        if kind == "SPEAKER":
            turns.append(_turn(line, fields))
    return turns


def _turn(line: Line, fields: list[str]) -> _Turn:
    if len(fields) not in _FIELD_COUNTS:
        expected = f"10 fields without spaces, {_SPEAKER_LINE}"
        raise unexpected(f"line {line.number}", line.text, expected)
    onset, duration = (_decimal(line, field) for field in fields[3:5])
    label = None if fields[7] == _NONE else fields[7]
    end = _EXACT.add(onset, duration)
    return _Turn(fields[1], Turn(float(onset), float(end), label), line)


def _decimal(line: Line, field: str) -> Decimal:
    if _NUMBER.fullmatch(field) is None:
        raise unexpected(f"line {line.number}", field, "a number of seconds")
    return Decimal(field)


def _listed(uris: list[str]) -> str:
    shown = ", ".join(each[:_LONGEST] for each in uris[:20]) + (" and more" if uris[20:] else "")
    return (shown or "none") if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}..."


def _matches(text: str) -> bool:
    lines = (line.text.split(maxsplit=1) for line in numbered_lines(text))
    first = next((fields[0] for fields in lines if fields and fields[0][:2] != ";;"), "")
    return first.upper() in _TYPES


RTTM = Format("rttm", (".rttm",), read_rttm, _matches, write_rttm)
