"""Subtitles: SRT (SubRip) and WebVTT."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby, islice, takewhile

from pgvoice.hooks.formats.cues import Cue, is_timing, read_cues
from pgvoice.hooks.formats.documents import Line, numbered_lines, unexpected
from pgvoice.hooks.formats.format import Format, InputSegment

_HEADER = re.compile(r"WEBVTT(?:\s|\Z)")
_OTHER_BLOCK = re.compile(r"(?:NOTE|STYLE|REGION)(?:\s|\Z)")
_TAG = re.compile(r"</?[A-Za-z][^<>]*>|<[\d:.]+>")
_VOICE = re.compile(r"<v(?:\.[^\s<>]*)?\s([^<>]*)>")
# SubStation's overrides, which players of SRT understand, such as {\an8}.
_OVERRIDE = re.compile(r"\{\\[^{}]*\}")
# How WhisperX writes the speaker into SRT and WebVTT.
_PREFIX = re.compile(r"\[([^\[\]\n]+)\]:(?:\s+|$)")


def read_srt(text: str, *, uri: str | None = None) -> list[InputSegment]:
    """A segment a cue; numbers may be missing, fractions may follow a comma or a point."""
    cues = read_cues(numbered_lines(text))
    return [_segment(cue, lambda part: _OVERRIDE.sub("", part)) for cue in cues]


def read_vtt(text: str, *, uri: str | None = None) -> list[InputSegment]:
    """A segment a cue; the label is its voice, ``<v Name>``, if it has one and not several."""
    lines = numbered_lines(text)
    if not _HEADER.match(lines[0].text):
        raise unexpected("line 1", lines[0].text, "WEBVTT")
    return [_segment(cue, html.unescape) for cue in read_cues(list(_cue_lines(lines)))]


def _cue_lines(lines: Sequence[Line]) -> Iterator[Line]:
    """Without the header, and without comments, styles and regions."""
    header = list(takewhile(lambda line: line.text.strip() and not is_timing(line), lines))
    for filled, block in groupby(lines[len(header) :], lambda line: bool(line.text.strip())):
        kept = list(block)
        if not (filled and _OTHER_BLOCK.match(kept[0].text)):
            yield from kept


def _segment(cue: Cue, clean: Callable[[str], str]) -> InputSegment:
    label = _voice(cue.text, clean)
    text = clean(_TAG.sub("", cue.text)).strip()
    prefix = None if label else _PREFIX.match(text)
    if prefix is not None:
        label, text = prefix[1], text[prefix.end() :]
    return InputSegment(cue.start, cue.end, label, text)


def _voice(text: str, clean: Callable[[str], str]) -> str | None:
    voices = {" ".join(clean(name).split()) for name in _VOICE.findall(text)} - {""}
    return voices.pop() if len(voices) == 1 else None


def _matches_srt(text: str) -> bool:
    filled = (line for line in numbered_lines(text) if line.text.strip())
    return any(is_timing(line) for line in islice(filled, 2))


def _matches_vtt(text: str) -> bool:
    return _HEADER.match(text) is not None


SRT = Format("srt", (".srt",), read_srt, _matches_srt)
VTT = Format("vtt", (".vtt",), read_vtt, _matches_vtt)
