"""SubStation Alpha, SSA and ASS: a turn for each Dialogue line, whose Name is the speaker."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pgvoice.hooks.errors import FormatError
from pgvoice.hooks.formats.documents import Line, numbered_lines, unexpected, with_lines
from pgvoice.hooks.formats.format import (
    Format,
    check_aligned,
    check_name,
    check_read_back,
    check_span,
    printable,
    refused,
    speaker_of,
)
from pgvoice.hooks.formats.times import parse_time
from pgvoice.hooks.results import Labelled
from pgvoice.store.turns import Turn

_SECTION = re.compile(r"\[([^\[\]]+)\]")
_EVENTS = "events"
# v4 calls the speaker Name as v4+ does; players also know it as Actor.
_NAMES = ("name", "actor")
_BREAK = re.compile(r"\\[Nn]")
_OVERRIDE = re.compile(r"(?<!\\)\{[^{}]*\}")


class _Event(NamedTuple):
    line: Line
    #: ``Dialogue:``, and each field, with the blanks around it.
    lead: str
    fields: list[str]
    #: The place of the speaker's name.
    name: int
    turn: Turn


def _events(text: str) -> list[_Event]:
    """The Dialogue lines; `FormatError` for one that does not fit its Format line."""
    section, columns, found = "", list[str](), list[_Event]()
    lines = numbered_lines(text)
    for line in lines:
        header = _SECTION.fullmatch(line.text.strip())
        kind, colon, rest = line.text.partition(":")
        if header is not None:
            section = header[1].strip().lower()
        elif section == _EVENTS and colon and kind.strip().lower() == "format":
            columns = [column.strip().lower() for column in rest.split(",")]
        elif section == _EVENTS and colon and kind.strip().lower() == "dialogue":
            found.append(_event(line, columns))
    if not any(_is_header(line, _EVENTS) for line in lines):
        raise FormatError("found no [Events], expected a SubStation script")
    return found


def _is_header(line: Line, name: str) -> bool:
    header = _SECTION.fullmatch(line.text.strip())
    return header is not None and header[1].strip().lower() == name


def _event(line: Line, columns: Sequence[str]) -> _Event:
    where, place = f"line {line.number}", next(filter(columns.__contains__, _NAMES), None)
    if place is None or not {"start", "end"}.issubset(columns) or columns[-1] != "text":
        expected = "a Format line with Start, End, Name and, as the last, Text before it"
        raise unexpected(where, line.text, expected)
    kind, _, rest = line.text.partition(":")
    # Only the text may contain commas.
    fields = rest.split(",", len(columns) - 1)
    if len(fields) < len(columns):
        raise unexpected(where, line.text, f"{len(columns)} fields, as its Format line says")
    named = dict(zip(columns, fields, strict=True))
    try:
        start, end = parse_time(named["start"]), parse_time(named["end"])
    except ValueError as error:
        raise unexpected(where, line.text, "times such as 0:01:02.50") from error
    turn = Turn(start, end, named[place].strip() or None, _said(named["text"]))
    return _Event(line, f"{kind}:", fields, columns.index(place), turn)


def _said(text: str) -> str:
    without = _BREAK.sub("\n", _OVERRIDE.sub("", text)).replace("\\h", "\N{NO-BREAK SPACE}")
    return without.replace("\\{", "{").replace("\\}", "}").strip()


@dataclass(frozen=True, slots=True)
class _SubStation:
    """The differences between the versions, and what they share."""

    name: str
    script: str
    #: The first field of a Dialogue line.
    first: str
    styles: str
    #: The columns and the one style, which players need.
    style: str

    def read(self, text: str, *, uri: str | None = None) -> list[Turn]:
        """The label is the Name of the line; comments are not read."""
        return [event.turn for event in _events(text)]

    def write(
        self, labelled: Sequence[Labelled], *, source: str | None, uri: str | None = None
    ) -> str:
        """Change only the Name of Dialogue lines."""
        names = [self._name(index, each, source) for index, each in enumerate(labelled)]
        if source is None:
            text = self._header() + "".join(map(self._line, range(len(names)), labelled, names))
        else:
            events = _events(source)
            check_aligned(labelled, [event.turn for event in events])
            named = zip(events, labelled, names, strict=True)
            changed = {
                event.line.number: _with_name(event, name or "")
                for event, each, name in named
                if each.speaker not in (None, each.segment.label)
            }
            text = with_lines(source, changed)
        if labelled:
            check_read_back(self.read(text), names, self.name)
        return text

    def matches(self, text: str) -> bool:
        """Whether a text is a script of this version."""
        lines = numbered_lines(text)
        return any(_is_header(line, self.styles.lower()) for line in lines) and any(
            _is_header(line, _EVENTS) for line in lines
        )

    def _name(self, index: int, labelled: Labelled, source: str | None) -> str | None:
        name = labelled.speaker if source is not None else speaker_of(labelled)
        if name is None:
            return labelled.segment.label
        check_name(index, name, self.name)
        if "," in name:
            raise refused(index, name, self.name, "it contains a comma")
        return name

    def _header(self) -> str:
        return (
            f"[Script Info]\nScriptType: {self.script}\n\n[{self.styles}]\n{self.style}\n\n"
            f"[Events]\nFormat: {self.first}, Start, End, Style, Name, MarginL, MarginR, MarginV,"
            " Effect, Text\n"
        )

    def _line(self, index: int, labelled: Labelled, name: str | None) -> str:
        segment = labelled.segment
        check_span(index, segment)
        times = f"{_clock(segment.start)},{_clock(segment.end)}"
        first = "Marked=0" if self.first == "Marked" else "0"
        lines = filter(None, map(printable, (segment.text or "").splitlines()))
        said = "\\N".join(lines).replace("{", "\\{").replace("}", "\\}")
        return f"Dialogue: {first},{times},Default,{name or ''},0,0,0,,{said}\n"


def _with_name(event: _Event, name: str) -> str:
    fields = [*event.fields]
    fields[event.name] = name
    return event.lead + ",".join(fields)


def _clock(seconds: float) -> str:
    whole, _, fraction = f"{seconds:.2f}".partition(".")
    minutes, rest = divmod(int(whole), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}.{fraction}"


_ASS = _SubStation(
    "ass",
    "v4.00+",
    "Layer",
    "V4+ Styles",
    "Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour,"
    " Bold, Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline,"
    " Shadow, Alignment, MarginL, MarginR, MarginV, Encoding\n"
    "Style: Default,Arial,20,&H00FFFFFF,&H000000FF,&H00000000,&H00000000,0,0,0,0,100,100,0,0,1,2,"
    "2,2,10,10,10,1",
)
_SSA = _SubStation(
    "ssa",
    "v4.00",
    "Marked",
    "V4 Styles",
    "Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, TertiaryColour, BackColour,"
    " Bold, Italic, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV,"
    " AlphaLevel, Encoding\n"
    "Style: Default,Arial,20,16777215,65535,0,0,0,0,1,2,2,2,10,10,10,0,1",
)

ASS = Format(
    "ass",
    (".ass",),
    _ASS.read,
    _ASS.matches,
    _ASS.write,
    summary="Advanced SubStation Alpha subtitles",
)
SSA = Format(
    "ssa", (".ssa",), _SSA.read, _SSA.matches, _SSA.write, summary="SubStation Alpha subtitles"
)
