"""RTTM, NIST's rich transcription time marked format, as diarizers write it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from pgvoice.hooks.formats.documents import numbered_lines, with_lines
from pgvoice.hooks.formats.format import Format, check_aligned, check_read_back, check_span
from pgvoice.hooks.formats.nist.fields import (
    NONE,
    Fields,
    UriTurn,
    by_recording,
    field_lines,
    name_fields,
    of_recording,
    total,
    uri_field,
    with_field,
)
from pgvoice.hooks.results import Labelled
from pgvoice.store.turns import Turn

# The types that NIST's rttmValidator (SCTK) accepts; only SPEAKER lines are segments.
_TYPES = frozenset(
    {"A/P", "CB", "EDIT", "FILLER", "IP", "LEXEME", "NON-LEX", "NON-SPEECH", "NOSCORE"}
    | {"NO_RT_METADATA", "SEGMENT", "SPEAKER", "SPKR-INFO", "SU"}
)
_SPEAKER_LINE = "SPEAKER file channel onset duration <NA> <NA> name <NA> <NA>"
# RT-09 added a tenth field, the lookahead.
_FIELD_COUNTS = (9, 10)
_NAME = 7


def read_rttm(text: str, *, uri: str | None = None) -> list[Turn]:
    """The SPEAKER lines of a recording; a file of several recordings needs a `uri`."""
    return [each.turn for each in of_recording(_every_turn(text), uri)]


def read_all_rttm(text: str) -> dict[str, list[Turn]]:
    """The SPEAKER lines by recording."""
    return by_recording(_every_turn(text))


def write_rttm(labelled: Sequence[Labelled], *, source: str | None, uri: str | None = None) -> str:
    """Change only the eighth field of the recording's SPEAKER lines.

    Spaces in names become underscores. Raises `FormatError` if two people would then have the same
    name.
    """
    fields = name_fields(labelled, "rttm", new=source is None)
    if source is None:
        text = "".join(map(_line, range(len(labelled)), labelled, fields, [uri] * len(labelled)))
    else:
        turns = of_recording(_every_turn(source), uri)
        check_aligned(labelled, [each.turn for each in turns])
        named = zip(turns, labelled, fields, strict=True)
        changed = {
            turn.line.number: with_field(turn.line.text, _NAME, field)
            for turn, each, field in named
            if each.speaker is not None and field is not None
        }
        text = with_lines(source, changed)
    if labelled:
        check_read_back(read_rttm(text, uri=uri if source else None), fields, "rttm")
    return text


def _line(index: int, labelled: Labelled, field: str | None, uri: str | None) -> str:
    segment = labelled.segment
    check_span(index, segment)
    start = round(Decimal(segment.start), 3)
    duration = round(Decimal(segment.end), 3) - start
    times = f"{start:.3f} {duration:.3f}"
    return f"SPEAKER {uri_field(uri)} 1 {times} <NA> <NA> {field or NONE} <NA> <NA>\n"


def _every_turn(text: str) -> list[UriTurn]:
    turns = []
    for each in field_lines(text):
        kind = each.fields[0].upper()
        if kind not in _TYPES:
            raise each.expected(_SPEAKER_LINE)
        if kind == "SPEAKER":
            turns.append(_turn(each))
    return turns


def _turn(found: Fields) -> UriTurn:
    fields = found.fields
    if len(fields) not in _FIELD_COUNTS:
        raise found.expected(f"10 fields without spaces, {_SPEAKER_LINE}")
    onset, duration = found.seconds(3), found.seconds(4)
    label = None if fields[_NAME] == NONE else fields[_NAME]
    turn = Turn(float(onset), float(total(onset, duration)), label)
    return UriTurn(fields[1], turn, found.line)


def _matches(text: str) -> bool:
    lines = (line.text.split(maxsplit=1) for line in numbered_lines(text))
    first = next((fields[0] for fields in lines if fields and fields[0][:2] != ";;"), "")
    return first.upper() in _TYPES


RTTM = Format(
    "rttm",
    (".rttm",),
    read_rttm,
    _matches,
    write_rttm,
    read_all_rttm,
    summary="NIST's turns; diarizers write it",
)
