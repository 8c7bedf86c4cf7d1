"""RTTM, NIST's rich transcription time marks, as diarizers write it."""

from __future__ import annotations

import re
from decimal import Context, Decimal
from typing import NamedTuple

from pgvoice.hooks.errors import FormatError
from pgvoice.hooks.formats.documents import Line, numbered_lines, unexpected
from pgvoice.hooks.formats.format import Format, InputSegment

# The types of NIST's rttmValidator (SCTK); only SPEAKER lines are segments.
_TYPES = frozenset(
    {"A/P", "CB", "EDIT", "FILLER", "IP", "LEXEME", "NON-LEX", "NON-SPEECH", "NOSCORE"}
    | {"NO_RT_METADATA", "SEGMENT", "SPEAKER", "SPKR-INFO", "SU"}
)
_SPEAKER_LINE = "SPEAKER file channel onset duration <NA> <NA> name <NA> <NA>"
_NONE = "<NA>"
# RT-09 added a tenth field, the lookahead; files of before have nine.
_FIELD_COUNTS = (9, 10)
_NUMBER = re.compile(
    r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,4})?|nan|inf)", re.ASCII | re.IGNORECASE
)
# Untrapped, so that what is no finite sum becomes NaN or infinite, as with floats.
_EXACT = Context(prec=50, traps=[])


class _Turn(NamedTuple):
    uri: str
    segment: InputSegment


def read_rttm(text: str, *, uri: str | None = None) -> list[InputSegment]:
    """The SPEAKER lines of a recording; one that several recordings share needs its `uri`."""
    turns = [_turn(line, fields) for line, fields in _records(text) if fields[0] == "SPEAKER"]
    uris = sorted({turn.uri for turn in turns})
    if uri is None and len(uris) > 1:
        raise FormatError(f"file ids: found {_listed(uris)}, expected one, or its uri to be named")
    if uri is not None and uri not in uris:
        raise FormatError(f"file ids: found {_listed(uris)}, expected {uri!r}")
    return [turn.segment for turn in turns if uri in (None, turn.uri)]


def _records(text: str) -> list[tuple[Line, list[str]]]:
    found = []
    for line in numbered_lines(text):
        fields = re.split(r"[ \t]+", line.text.strip(" \t"))
        if not line.text.strip() or fields[0].startswith(";;"):
            continue
        fields[0] = fields[0].upper()
        if fields[0] not in _TYPES:
            raise unexpected(f"line {line.number}", line.text, _SPEAKER_LINE)
        found.append((line, fields))
    return found


def _turn(line: Line, fields: list[str]) -> _Turn:
    if len(fields) not in _FIELD_COUNTS:
        expected = f"10 fields without spaces, {_SPEAKER_LINE}"
        raise unexpected(f"line {line.number}", line.text, expected)
    onset, duration = (_decimal(line, field) for field in fields[3:5])
    label = None if fields[7] == _NONE else fields[7]
    end = _EXACT.add(onset, duration)
    return _Turn(fields[1], InputSegment(float(onset), float(end), label))


def _decimal(line: Line, field: str) -> Decimal:
    if _NUMBER.fullmatch(field) is None:
        raise unexpected(f"line {line.number}", field, "a number of seconds")
    return Decimal(field)


def _listed(uris: list[str]) -> str:
    return ", ".join(uris[:20]) + (" and more" if uris[20:] else "") or "none"


def _matches(text: str) -> bool:
    lines = (line.text.split(maxsplit=1) for line in numbered_lines(text))
    first = next((fields[0] for fields in lines if fields and fields[0][:2] != ";;"), "")
    return first.upper() in _TYPES


RTTM = Format("rttm", (".rttm",), read_rttm, _matches)
