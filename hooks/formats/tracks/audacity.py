"""Label tracks of Audacity: start, end and label, separated by tabs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

from pgvoice.hooks.formats.documents import Line, numbered_lines, unexpected, with_lines
from pgvoice.hooks.formats.format import (
    Format,
    check_aligned,
    check_name,
    check_read_back,
    check_span,
    printable,
    speaker_of,
)
from pgvoice.hooks.results import Labelled
from pgvoice.store.turns import Turn

_LINE = "start, end and label, separated by tabs"
# Some languages of the program write a comma.
_TIMES = re.compile(
    r"(-?\d{1,9}(?:[.,]\d{1,30})?)\t(-?\d{1,9}(?:[.,]\d{1,30})?)(?:\t(.*)|)", re.ASCII
)
#: A line with the lowest and the highest frequency of the label above it.
_FREQUENCIES = "\\"
# pgvoice's own way to put a speaker before text, as in SRT.
_SPOKEN = re.compile(r"\[([^\[\]]*)\]:(?: |\Z)(.*)")
#: How many lines decide whether a text is a label track.
_FIRST = 20


class _Label(NamedTuple):
    line: Line
    #: What precedes the label.
    times: str
    turn: Turn


def read_audacity(text: str, *, uri: str | None = None) -> list[Turn]:
    """The regions of the track, without labels of a single point.

    A label is who speaks; ``[Name]: text`` also says what.
    """
    return [each.turn for each in _labels(text)]


def write_audacity(
    labelled: Sequence[Labelled], *, source: str | None, uri: str | None = None
) -> str:
    """Change the labels of regions; text that follows ``[Name]:`` stays."""
    speakers = [speaker_of(each) for each in labelled]
    for index, each in enumerate(labelled):
        name = each.speaker if source is not None else speaker_of(each)
        if name is not None:
            check_name(index, name, "audacity")
    if source is None:
        text = "".join(map(_new_line, range(len(labelled)), labelled))
    else:
        labels = _labels(source)
        check_aligned(labelled, [each.turn for each in labels])
        named = [pair for pair in zip(labels, labelled, strict=True) if pair[1].speaker is not None]
        changed = {label.line.number: _renamed(label, each) for label, each in named}
        text = with_lines(source, changed)
    if labelled:
        check_read_back(read_audacity(text), speakers, "audacity")
    return text


def _renamed(label: _Label, labelled: Labelled) -> str:
    return f"{label.times}{_written(labelled.speaker, label.turn.text)}"


def _new_line(index: int, labelled: Labelled) -> str:
    segment = labelled.segment
    check_span(index, segment)
    text = None if segment.text is None else printable(" ".join(segment.text.split()))
    return f"{segment.start:.6f}\t{segment.end:.6f}\t{_written(speaker_of(labelled), text)}\n"


def _written(speaker: str | None, text: str | None) -> str:
    return speaker or "" if text is None else f"[{speaker or ''}]: {text}"


def _labels(text: str) -> list[_Label]:
    found = (_label(line) for line in numbered_lines(text) if line.text.strip())
    return [label for label in found if label is not None]


def _label(line: Line) -> _Label | None:
    if line.text.startswith(_FREQUENCIES):
        return None
    found = _TIMES.fullmatch(line.text)
    if found is None:
        raise unexpected(f"line {line.number}", line.text, _LINE)
    start, end = (float(time.replace(",", ".")) for time in found.groups()[:2])
    if start == end:
        return None
    label = (found[3] or "").strip()
    spoken = _SPOKEN.fullmatch(label)
    speaker, text = (label, None) if spoken is None else spoken.groups()
    times = f"{found[1]}\t{found[2]}\t"
    return _Label(line, times, Turn(start, end, speaker.strip() or None, text))


def matches_audacity(text: str) -> bool:
    """Whether the lines of a text are two times and a label, with tabs between them."""
    filled = (line.text for line in numbered_lines(text) if line.text.strip())
    first = [line for line in islice(filled, _FIRST) if not line.startswith(_FREQUENCIES)]
    return bool(first) and all(_TIMES.fullmatch(line) for line in first)


AUDACITY = Format(
    "audacity",
    (".txt",),
    read_audacity,
    matches_audacity,
    write_audacity,
    summary="Audacity's label tracks",
)
