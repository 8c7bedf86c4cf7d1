"""STM, NIST's segment time marks: a turn with its speaker and its text on each line."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pgvoice.hooks.formats.documents import with_lines
from pgvoice.hooks.formats.format import Format, check_aligned, check_read_back, check_span, refused
from pgvoice.hooks.formats.nist.ctm import matches_ctm
from pgvoice.hooks.formats.nist.fields import (
    NONE,
    Fields,
    UriTurn,
    by_recording,
    field_lines,
    first_lines,
    is_number,
    name_fields,
    of_recording,
    uri_field,
    with_field,
)
from pgvoice.hooks.formats.rttm import RTTM
from pgvoice.hooks.results import Labelled
from pgvoice.store.turns import Turn

_LINE = "recording channel speaker begin end [<labels>] text"
_SPEAKER = 2
# What stands in a reference where nothing is scored.
_GAPS = frozenset({"inter_segment_gap", "excluded_region"})
_IGNORED = "ignore_time_segment_in_scoring"
# What no recording, channel, speaker, begin and end precede.
_REST = re.compile(r"[ \t]*(?:[^ \t]+[ \t]+){4}[^ \t]+(.*)", re.DOTALL)
_LABELS = re.compile(r"<[^<> \t]*>(?:[ \t]+|\Z)")


def read_stm(text: str, *, uri: str | None = None) -> list[Turn]:
    """The turns of a recording, without gaps and what is excluded from scoring."""
    return [each.turn for each in of_recording(_every_turn(text), uri)]


def read_all_stm(text: str) -> dict[str, list[Turn]]:
    """The turns of each recording."""
    return by_recording(_every_turn(text))


def write_stm(labelled: Sequence[Labelled], *, source: str | None, uri: str | None = None) -> str:
    """Change only the third field; spaces in names become underscores."""
    fields = name_fields(labelled, "stm", new=source is None)
    for index, name in enumerate(fields):
        if name in _GAPS:
            raise refused(index, name, "stm", "it stands for a gap")
    if source is None:
        text = "".join(map(_line, range(len(labelled)), labelled, fields, [uri] * len(labelled)))
    else:
        turns = of_recording(_every_turn(source), uri)
        check_aligned(labelled, [each.turn for each in turns])
        changed = {
            turn.line.number: with_field(turn.line.text, _SPEAKER, field)
            for turn, each, field in zip(turns, labelled, fields, strict=True)
            if each.speaker is not None and field is not None
        }
        text = with_lines(source, changed)
    if labelled:
        check_read_back(read_stm(text, uri=uri if source else None), fields, "stm")
    return text


def _line(index: int, labelled: Labelled, field: str | None, uri: str | None) -> str:
    segment = labelled.segment
    check_span(index, segment)
    said = " ".join((segment.text or "").split())
    said = "".join(each if each.isprintable() else " " for each in said)
    # Text that begins like labels needs labels before it.
    labels = "<o> " if _LABELS.match(said) else ""
    times = f"{segment.start:.3f} {segment.end:.3f}"
    return f"{uri_field(uri)} 1 {field or NONE} {times} {labels}{said}".rstrip(" ") + "\n"


def _every_turn(text: str) -> list[UriTurn]:
    turns = map(_turn, field_lines(text))
    return [turn for turn in turns if turn is not None]


def _turn(found: Fields) -> UriTurn | None:
    if len(found.fields) < 5:
        raise found.expected(_LINE)
    start, end = (float(found.seconds(place)) for place in (3, 4))
    rest = _REST.fullmatch(found.line.text)
    said = "" if rest is None else rest[1].strip(" \t")
    labels = _LABELS.match(said)
    said = said if labels is None else said[labels.end() :]
    speaker = found.fields[_SPEAKER]
    if speaker in _GAPS or said.lower() == _IGNORED:
        return None
    label = None if speaker == NONE else speaker
    return UriTurn(found.fields[0], Turn(start, end, label, said), found.line)


def matches_stm(text: str) -> bool:
    """Whether the lines of a text have a speaker and two times, and is neither CTM nor RTTM."""
    lines = first_lines(text)
    return (
        bool(lines) and all(map(_is_turn, lines)) and not (matches_ctm(text) or RTTM.matches(text))
    )


def _is_turn(line: Fields) -> bool:
    return len(line.fields) > 4 and all(map(is_number, line.fields[3:5]))


STM = Format(
    "stm",
    (".stm",),
    read_stm,
    matches_stm,
    write_stm,
    read_all_stm,
    summary="NIST's turns with text",
)
