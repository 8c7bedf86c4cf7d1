"""Cues of SRT and WebVTT documents: a line with two times, and the lines of text after it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby, islice, pairwise, takewhile
from typing import NamedTuple

from pgvoice.hooks.formats.documents import Line, numbered_lines, unexpected
from pgvoice.hooks.formats.times import parse_time

ARROW = "-->"
# Two times with a damaged arrow, or with a dash that an editor made of it.
_TWO_TIMES = re.compile(r"\s*\d+:\d\d?(?::\d\d?)?[.,]\d+\s*[->\u2013\u2014\u2192]{1,3}\s*\d+:\d")
_HEADER = re.compile(r"WEBVTT(?:\s|\Z)")
_OTHER_BLOCK = re.compile(r"(?:NOTE|STYLE|REGION)(?:\s|\Z)")


class Cue(NamedTuple):
    """Times in seconds, and the text with its tags, without blank lines."""

    start: float
    end: float
    text: str
    #: The line of the two times, and the lines of the text.
    timing: Line
    body: tuple[Line, ...]


def srt_cues(text: str) -> list[Cue]:
    """The cues of an SRT document; numbers may be missing, fractions follow a comma or a point."""
    return _cues(numbered_lines(text))


def vtt_cues(text: str) -> list[Cue]:
    """The cues of a WebVTT document; raises `FormatError` if its header is missing."""
    lines = numbered_lines(text)
    if not matches_vtt(lines[0].text):
        raise unexpected("line 1", lines[0].text, "WEBVTT")
    return _cues(list(_cue_lines(lines)))


def matches_srt(text: str) -> bool:
    """Whether one of the first two lines of a text has two times."""
    filled = (line for line in numbered_lines(text) if line.text.strip())
    return any(_is_timing(line) for line in islice(filled, 2))


def matches_vtt(text: str) -> bool:
    """Whether a text begins with WebVTT's header."""
    return _HEADER.match(text) is not None


def _cue_lines(lines: Sequence[Line]) -> Iterator[Line]:
    """The lines without the header, comments, styles and regions."""
    header = list(takewhile(lambda line: line.text.strip() and not _is_timing(line), lines))
    for filled, block in groupby(lines[len(header) :], lambda line: bool(line.text.strip())):
        kept = list(block)
        if not (filled and _OTHER_BLOCK.match(kept[0].text)):
            yield from kept


def _cues(lines: Sequence[Line]) -> list[Cue]:
    """A cue's text ends at the next cue, not at a blank line; cues may have a number or a name.

    Raises `FormatError` for other text before the first cue, and for malformed times.
    """
    starts = [index for index, line in enumerate(lines) if _is_timing(line)]
    _check_lead(lines[: starts[0]] if starts else lines, any_cue=bool(starts))
    return [
        _cue(lines[start], lines[start + 1 : stop], last=stop == len(lines))
        for start, stop in pairwise([*starts, len(lines)])
    ]


def _is_timing(line: Line) -> bool:
    """Whether the line should contain two times, well formed or not."""
    return ARROW in line.text or _TWO_TIMES.match(line.text) is not None


def _check_lead(lines: Sequence[Line], *, any_cue: bool) -> None:
    filled = [line for line in lines if line.text.strip()]
    allowed = 1 if any_cue else 0
    if len(filled) > allowed:
        where = f"line {filled[0].number}"
        raise unexpected(where, filled[0].text, "a cue's number and then its times")


def _cue(timing: Line, lines: Sequence[Line], *, last: bool) -> Cue:
    kept = lines if last else _without_name(lines)
    body = tuple(line for line in kept if line.text.strip())
    start, end = _times(timing)
    return Cue(start, end, "\n".join(line.text.strip() for line in body), timing, body)


def _without_name(lines: Sequence[Line]) -> Sequence[Line]:
    # The next cue's name: a number just before its times, or any line after a blank one.
    texts = [line.text.strip() for line in lines[-2:]]
    alone = len(texts) > 1 and not texts[0]
    return lines[:-1] if texts and (alone or texts[-1].isdecimal()) else lines


def _times(line: Line) -> tuple[float, float]:
    start, _, rest = line.text.partition(ARROW)
    try:
        # Settings of the cue's position on the screen may follow the end.
        return _time(start), _time(rest.split(maxsplit=1)[0])
    except (ValueError, IndexError) as error:
        expected = f"two times, such as 00:01:02.500 {ARROW} 00:01:05.000"
        raise unexpected(f"line {line.number}", line.text, expected) from error


def _time(text: str) -> float:
    return parse_time(text.replace(",", "."))
