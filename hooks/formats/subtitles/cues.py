"""What SRT and WebVTT share: cues, which are a line of two times and the lines after it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from pgvoice.hooks.formats.documents import Line, unexpected
from pgvoice.hooks.formats.times import parse_time

ARROW = "-->"
# Two times with a damaged arrow between them, or with a dash that was made of it.
_TWO_TIMES = re.compile(r"\s*\d+:\d\d?(?::\d\d?)?[.,]\d+\s*[->\u2013\u2014\u2192]{1,3}\s*\d+:\d")


class Cue(NamedTuple):
    """Times in seconds; the text with its tags, without blank lines."""

    start: float
    end: float
    text: str
    #: The line of the two times, and those of the text.
    timing: Line
    body: tuple[Line, ...]


def read_cues(lines: Sequence[Line]) -> list[Cue]:
    """Each cue's text runs to the next cue, blank lines or not; cues may be numbered or named.

    Raises `FormatError` for other text before the first cue, and for times that are none.
    """
    starts = [index for index, line in enumerate(lines) if is_timing(line)]
    _check_lead(lines[: starts[0]] if starts else lines, any_cue=bool(starts))
    return [
        _cue(lines[start], lines[start + 1 : stop], last=stop == len(lines))
        for start, stop in pairwise([*starts, len(lines)])
    ]


def is_timing(line: Line) -> bool:
    """Whether the line must hold two times, well written or not."""
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
    # The next cue's number or name: a number before its times, or any line of its own.
    texts = [line.text.strip() for line in lines[-2:]]
    alone = len(texts) > 1 and not texts[0]
    return lines[:-1] if texts and (alone or texts[-1].isdecimal()) else lines


def _times(line: Line) -> tuple[float, float]:
    start, _, rest = line.text.partition(ARROW)
    try:
        # What follows the end are settings, of where on the screen the cue stands.
        return _time(start), _time(rest.split(maxsplit=1)[0])
    except (ValueError, IndexError) as error:
        expected = f"two times, such as 00:01:02.500 {ARROW} 00:01:05.000"
        raise unexpected(f"line {line.number}", line.text, expected) from error


def _time(text: str) -> float:
    return parse_time(text.replace(",", "."))
