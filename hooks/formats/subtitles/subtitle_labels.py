"""Subtitles are written: names into the cues of an SRT or WebVTT document, or into new ones."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from pgvoice.hooks.formats.documents import line_end, with_lines
from pgvoice.hooks.formats.format import Format
from pgvoice.hooks.formats.subtitles.cues import ARROW, Cue
from pgvoice.hooks.formats.subtitles.subtitles import (
    matches_srt,
    matches_vtt,
    read_srt,
    read_vtt,
    srt_cues,
    vtt_cues,
)
from pgvoice.hooks.formats.subtitles.voice_tags import (
    Clean,
    has_several,
    voice_of,
    with_voice,
    without_overrides,
    without_prefix,
)
from pgvoice.hooks.formats.writable_names import (
    check_aligned,
    check_name,
    check_read_back,
    check_span,
    refused,
    speaker_of,
)
from pgvoice.store.turns import Turn

if TYPE_CHECKING:
    from pgvoice.hooks.answers import Labelled


class _Kind(NamedTuple):
    """What differs between the two."""

    name: str
    header: str
    decimal_mark: str
    cues: Callable[[str], list[Cue]]
    read: Callable[[str], list[Turn]]
    #: Undoes what `escape` does, and what only players understand.
    clean: Clean
    escape: Callable[[str], str]
    #: What stands before the text of a cue whose speaker has this (escaped) name.
    lead: Callable[[str], str]


def write_srt(labelled: Sequence[Labelled], *, source: str | None, uri: str | None = None) -> str:
    """The name stands before a cue's text, ``[Name]: ``; all else stays as it is."""
    return _written(_SRT, labelled, source)


def write_vtt(labelled: Sequence[Labelled], *, source: str | None, uri: str | None = None) -> str:
    """The name is a cue's voice, ``<v Name>``; all else stays as it is."""
    return _written(_VTT, labelled, source)


def _written(kind: _Kind, labelled: Sequence[Labelled], source: str | None) -> str:
    """A cue with several voices keeps them; `FormatError` for names that cannot be read back."""
    if source is None:
        text = kind.header + "".join(
            _new_cue(kind, index, each) for index, each in enumerate(labelled)
        )
        speakers = [speaker_of(each) for each in labelled]
    else:
        check_aligned(labelled, kind.read(source))
        cues = kind.cues(source)
        changes = [
            _changed(kind, index, cue, each, line_end(source))
            for index, (cue, each) in enumerate(zip(cues, labelled, strict=True))
        ]
        text = with_lines(source, dict(chain.from_iterable(change.items() for change in changes)))
        speakers = [
            each.speaker if change else each.segment.label
            for change, each in zip(changes, labelled, strict=True)
        ]
    if labelled:
        check_read_back(labelled, kind.read(text), speakers, kind.name)
    return text


def _changed(kind: _Kind, index: int, cue: Cue, labelled: Labelled, end: str) -> dict[int, str]:
    """The lines of a cue that get another text, by their numbers."""
    name = labelled.speaker
    if name is None or name == labelled.segment.label or has_several(cue.text, kind.clean):
        return {}
    written = _name(kind, index, name)
    if not cue.body:
        return {cue.timing.number: cue.timing.text + end + kind.lead(written).rstrip()}
    raw = "\n".join(line.text for line in cue.body)
    lines = _with_speaker(kind, raw, written).split("\n")
    return {line.number: text for line, text in zip(cue.body, lines, strict=True)}


def _with_speaker(kind: _Kind, raw: str, written: str) -> str:
    if voice_of(raw, kind.clean) is not None:
        return with_voice(raw, written)
    tags, said = without_prefix(raw)
    return f"{tags}{kind.lead(written)}{said}"


def _new_cue(kind: _Kind, index: int, labelled: Labelled) -> str:
    segment, speaker = labelled.segment, speaker_of(labelled)
    check_span(index, segment)
    times = f"{_clock(kind, segment.start)} {ARROW} {_clock(kind, segment.end)}"
    lead = "" if speaker is None else kind.lead(_name(kind, index, speaker))
    said = "\n".join(filter(None, map(_printable, (segment.text or "").splitlines())))
    return f"{index + 1}\n{times}\n{lead}{kind.escape(said).replace(ARROW, '->')}\n\n"


def _name(kind: _Kind, index: int, name: str) -> str:
    check_name(index, name, kind.name)
    written = kind.escape(name)
    if ARROW in written:
        raise refused(index, name, kind.name, f"it holds {ARROW}")
    return written


def _clock(kind: _Kind, seconds: float) -> str:
    whole, _, fraction = f"{seconds:.3f}".partition(".")
    minutes, rest = divmod(int(whole), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{rest:02}{kind.decimal_mark}{fraction}"


def _printable(line: str) -> str:
    return "".join(each if each.isprintable() else " " for each in line).strip()


_SRT = _Kind("srt", "", ",", srt_cues, read_srt, without_overrides, str, lambda name: f"[{name}]: ")
_VTT = _Kind(
    "vtt",
    "WEBVTT\n\n",
    ".",
    vtt_cues,
    read_vtt,
    html.unescape,
    lambda text: html.escape(text, quote=False),
    lambda name: f"<v {name}>",
)

SRT = Format("srt", (".srt",), read_srt, matches_srt, write_srt)
VTT = Format("vtt", (".vtt",), read_vtt, matches_vtt, write_vtt)
