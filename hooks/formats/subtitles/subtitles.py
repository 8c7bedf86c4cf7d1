"""Subtitles are read: SRT (SubRip) and WebVTT."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from itertools import groupby, islice, takewhile

from pgvoice.hooks.formats.documents import Line, numbered_lines, unexpected
from pgvoice.hooks.formats.subtitles.cues import Cue, is_timing, read_cues
from pgvoice.hooks.formats.subtitles.voice_tags import Clean, spoken, without_overrides
from pgvoice.store.turns import Turn

_HEADER = re.compile(r"WEBVTT(?:\s|\Z)")
_OTHER_BLOCK = re.compile(r"(?:NOTE|STYLE|REGION)(?:\s|\Z)")


def read_srt(text: str, *, uri: str | None = None) -> list[Turn]:
    """A segment a cue; numbers may be missing, fractions may follow a comma or a point."""
    return [_segment(cue, without_overrides) for cue in srt_cues(text)]


def read_vtt(text: str, *, uri: str | None = None) -> list[Turn]:
    """A segment a cue; the label is its voice, ``<v Name>``, if it has one and not several."""
    return [_segment(cue, html.unescape) for cue in vtt_cues(text)]


def srt_cues(text: str) -> list[Cue]:
    """The cues of an SRT document."""
    return read_cues(numbered_lines(text))


def vtt_cues(text: str) -> list[Cue]:
    """The cues of a WebVTT document; `FormatError` for one without its header."""
    lines = numbered_lines(text)
    if not _HEADER.match(lines[0].text):
        raise unexpected("line 1", lines[0].text, "WEBVTT")
    return read_cues(list(_cue_lines(lines)))


def _cue_lines(lines: Sequence[Line]) -> Iterator[Line]:
    """Without the header, and without comments, styles and regions."""
    header = list(takewhile(lambda line: line.text.strip() and not is_timing(line), lines))
    for filled, block in groupby(lines[len(header) :], lambda line: bool(line.text.strip())):
        kept = list(block)
        if not (filled and _OTHER_BLOCK.match(kept[0].text)):
            yield from kept


def _segment(cue: Cue, clean: Clean) -> Turn:
    label, text = spoken(cue.text, clean)
    return Turn(cue.start, cue.end, label, text)


def matches_srt(text: str) -> bool:
    filled = (line for line in numbered_lines(text) if line.text.strip())
    return any(is_timing(line) for line in islice(filled, 2))


def matches_vtt(text: str) -> bool:
    return _HEADER.match(text) is not None
