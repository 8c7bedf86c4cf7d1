"""SRT (SubRip) and WebVTT: one segment per cue; names are written into cues or into new ones."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain

from pgvoice.hooks.formats.documents import line_end, with_lines
from pgvoice.hooks.formats.format import (
    Format,
    check_aligned,
    check_name,
    check_read_back,
    check_span,
    refused,
    speaker_of,
)
from pgvoice.hooks.formats.subtitles.cues import (
    ARROW,
    Cue,
    matches_srt,
    matches_vtt,
    srt_cues,
    vtt_cues,
)
from pgvoice.hooks.results import Labelled
from pgvoice.store.turns import Turn

#: Decodes a format's escapes and drops its markup for players.
Clean = Callable[[str], str]

_TAG = re.compile(r"</?[A-Za-z][^<>]*>|<[\d:.]+>")
_VOICE = re.compile(r"(<v(?:\.[^\s<>]*)?\s)([^<>]*)>")
# Overrides of SubStation, such as {\an8}, which players of SRT understand.
_OVERRIDE = re.compile(r"\{\\[^{}]*\}")
# WhisperX writes the speaker into SRT and WebVTT like this.
_PREFIX = re.compile(r"\[([^\[\]\n]+)\]:(?:\s+|$)")
# The same in text that still has tags, after them.
_RAW_PREFIX = re.compile(r"((?:</?[A-Za-z][^<>\n]*>|\{\\[^{}\n]*\}|\s)*+)\[[^\[\]\n]+\]:[^\S\n]*")


def spoken(text: str, clean: Clean) -> tuple[str | None, str]:
    """The speaker, or None if there is not exactly one, and the text without tags."""
    label = voice_of(text, clean)
    said = clean(_TAG.sub("", text)).strip()
    prefix = None if label else _PREFIX.match(said)
    if prefix is not None:
        return prefix[1], said[prefix.end() :]
    return label, said


def voice_of(text: str, clean: Clean) -> str | None:
    """The voice of a cue that has exactly one."""
    voices = _voices(text, clean)
    return voices.pop() if len(voices) == 1 else None


def with_voice(text: str, name: str) -> str:
    """The text with another name in its voices; `name` must already be escaped."""
    # A tag may span lines, and every line must remain.
    return _VOICE.sub(lambda found: found[1] + name + "\n" * found[2].count("\n") + ">", text)


def without_prefix(text: str) -> tuple[str, str]:
    """The tags before the speaker's prefix, and the text after it."""
    prefix = _RAW_PREFIX.match(text)
    return ("", text) if prefix is None else (prefix[1], text[prefix.end() :])


def _voices(text: str, clean: Clean) -> set[str]:
    return {" ".join(clean(found[2]).split()) for found in _VOICE.finditer(text)} - {""}


@dataclass(frozen=True, slots=True)
class _Subtitles:
    """The differences between the two formats, and what they share."""

    name: str
    header: str
    decimal_mark: str
    cues: Callable[[str], list[Cue]]
    #: Reverses `escape`, and drops markup for players.
    clean: Clean
    escape: Callable[[str], str]
    #: What precedes the text of a cue whose speaker has this (escaped) name.
    lead: Callable[[str], str]

    def read(self, text: str, *, uri: str | None = None) -> list[Turn]:
        """The label is the cue's voice or prefix, if it has exactly one."""
        return [Turn(cue.start, cue.end, *spoken(cue.text, self.clean)) for cue in self.cues(text)]

    def write(
        self, labelled: Sequence[Labelled], *, source: str | None, uri: str | None = None
    ) -> str:
        """Cues with several voices keep them; `FormatError` for names that do not read back."""
        if source is None:
            text = self.header + "".join(map(self._new_cue, range(len(labelled)), labelled))
            speakers = [speaker_of(each) for each in labelled]
        else:
            check_aligned(labelled, self.read(source))
            end = line_end(source)
            changes = [
                self._changed(index, cue, each, end)
                for index, (cue, each) in enumerate(zip(self.cues(source), labelled, strict=True))
            ]
            text = with_lines(source, dict(chain.from_iterable(map(dict.items, changes))))
            speakers = [
                each.speaker if change else each.segment.label
                for change, each in zip(changes, labelled, strict=True)
            ]
        if labelled:
            check_read_back(labelled, self.read(text), speakers, self.name)
        return text

    def _changed(self, index: int, cue: Cue, labelled: Labelled, end: str) -> dict[int, str]:
        """The new text of the cue's lines, by line number."""
        name = labelled.speaker
        several = len(_voices(cue.text, self.clean)) > 1
        if name is None or name == labelled.segment.label or several:
            return {}
        written = self._escaped(index, name)
        if not cue.body:
            return {cue.timing.number: cue.timing.text + end + self.lead(written).rstrip()}
        raw = "\n".join(line.text for line in cue.body)
        lines = self._with_speaker(raw, written).split("\n")
        return {line.number: text for line, text in zip(cue.body, lines, strict=True)}

    def _with_speaker(self, raw: str, written: str) -> str:
        if voice_of(raw, self.clean) is not None:
            return with_voice(raw, written)
        tags, said = without_prefix(raw)
        return f"{tags}{self.lead(written)}{said}"

    def _new_cue(self, index: int, labelled: Labelled) -> str:
        segment, speaker = labelled.segment, speaker_of(labelled)
        check_span(index, segment)
        times = f"{self._clock(segment.start)} {ARROW} {self._clock(segment.end)}"
        lead = "" if speaker is None else self.lead(self._escaped(index, speaker))
        said = "\n".join(filter(None, map(_printable, (segment.text or "").splitlines())))
        return f"{index + 1}\n{times}\n{lead}{self.escape(said).replace(ARROW, '->')}\n\n"

    def _escaped(self, index: int, name: str) -> str:
        check_name(index, name, self.name)
        written = self.escape(name)
        if ARROW in written:
            raise refused(index, name, self.name, f"it contains {ARROW}")
        return written

    def _clock(self, seconds: float) -> str:
        whole, _, fraction = f"{seconds:.3f}".partition(".")
        minutes, rest = divmod(int(whole), 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours:02}:{minutes:02}:{rest:02}{self.decimal_mark}{fraction}"


def _printable(line: str) -> str:
    return "".join(each if each.isprintable() else " " for each in line).strip()


_SRT = _Subtitles(
    "srt", "", ",", srt_cues, partial(_OVERRIDE.sub, ""), str, lambda name: f"[{name}]: "
)
_VTT = _Subtitles(
    "vtt",
    "WEBVTT\n\n",
    ".",
    vtt_cues,
    html.unescape,
    lambda text: html.escape(text, quote=False),
    lambda name: f"<v {name}>",
)

SRT = Format("srt", (".srt",), _SRT.read, matches_srt, _SRT.write)
VTT = Format("vtt", (".vtt",), _VTT.read, matches_vtt, _VTT.write)
